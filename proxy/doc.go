// Package proxy is the intercepting proxy: it accepts client connections,
// finds out what they speak, opens TLS where it may, reads requests, asks a
// stack of [traffic.RoundTripper] for the answers and tells a
// [traffic.Observer] what happened.
//
//	p := proxy.New(proxy.Options{Observer: recorder, Network: &proxy.Network{}, CA: authority})
//	addr, err := p.Listen(ctx, proxy.Listener{Addr: "127.0.0.1:0"})
//	...
//	err = p.Run(ctx) // until ctx is done and the last exchange has ended
//
// One address takes every way in: requests to a proxy and to an origin, CONNECT and
// SOCKS, TLS around each of them, HTTP/2 with and without TLS, and connections that the
// system has redirected. What is inside a tunnel is told from its first bytes.
//
// A message that nobody edits goes to the other side byte for byte: see
// internal/h1. In HTTP/2 its fields, content and codes are the same on both sides:
// see internal/h2. Each client connection is served by one goroutine, or one for
// each stream, and has origin connections of its own, which end with it. A WebSocket
// connection passes byte for byte as well; its frames are looked at once they are on
// their way, and told in the order in which they were read.
package proxy
