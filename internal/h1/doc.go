// Package h1 is an HTTP/1.0 and HTTP/1.1 wire codec for a proxy that must not
// change what it watches. It reads heads into ordered [traffic.Fields] that
// remember their bytes, decides framing strictly (RFC 9112 section 6), and
// relays bodies raw, chunk sizes, extensions and trailers included, while a
// parser finds the end and hands the decoded content to a [Tap]:
//
//	r := h1.NewReader(conn, h1.Limits{})
//	req, err := r.ReadRequest()
//	framing, err := h1.RequestFraming(req)
//	body := r.Body(framing)
//	err = body.Relay(upstream, h1.AppendRequest(nil, req, req.URL.Target))
//
// Nothing here starts a goroutine, or sets a deadline on a connection that still
// works. A Reader and the Body read from it belong to one goroutine at a time.
// After any error from a Reader or Body the connection must not be used again:
// what follows on it cannot be trusted (RFC 9112 section 11.2).
package h1
