package record

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// opener opens the content of entries; File.OpenBody is one.
type opener func(*EntryBody) (io.ReadCloser, error)

// harEntry returns an entry as HAR 1.2 has it, without what only necto knows.
func harEntry(e *Entry, open opener) *har.Entry {
	h := &har.Entry{
		Started: e.At, Timings: harTimings(e.Timing), Request: harRequest(&e.Request, open),
		Response: harResponse(e, open),
	}
	if h.Time = h.Timings.Total(); h.Time == 0 {
		h.Time = millis(e.Duration)
	}
	if host, port, err := net.SplitHostPort(e.Server); err == nil && net.ParseIP(host) != nil {
		h.ServerIPAddress = host
		h.ServerPort, _ = strconv.Atoi(port) // 0 for none
	}
	if e.Conn != 0 {
		h.ConnectionID = strconv.FormatUint(e.Conn, 10)
	}
	if _, port, err := net.SplitHostPort(e.Client); err == nil {
		h.Connection = port
	}
	var response traffic.Fields
	if e.Response != nil {
		response = e.Response.Header
	}
	h.ResourceType = har.ResourceType(e.Request.Method, h.Response.Status, e.Request.Header, response)
	if e.Type == TypeWSOpen {
		h.ResourceType = "websocket"
	}
	return h
}

func harRequest(r *EntryRequest, open opener) har.Request {
	u := recordedURL(r.URL)
	query, _ := u.Query()
	h := har.Request{
		Method: r.Method, URL: r.URL, HTTPVersion: har.HTTPVersion(r.Proto),
		Cookies: har.RequestCookies(r.Header), Headers: har.Pairs(r.Header),
		QueryString: har.QueryString(query), Trailers: har.Pairs(r.Trailer),
		HeadersSize: har.RequestHeadSize(r.Method, u.Target, r.Proto, r.Header), BodySize: r.Body.length(),
	}
	if r.Body != nil {
		contentType := r.Header.Get("Content-Type")
		h.PostData = &har.PostData{MimeType: contentType, Body: harBody(r.Body, open), Truncated: r.Body.Truncated}
		h.PostData.Params = har.FormParams(contentType, r.Body.Inline)
	}
	return h
}

func harResponse(e *Entry, open opener) har.Response {
	r := e.Response
	if r == nil {
		h := har.Response{Content: har.Content{MimeType: "x-unknown"}, HeadersSize: -1, BodySize: -1}
		if e.Failure != nil {
			h.Error = e.Failure.Text
		}
		return h
	}
	h := har.Response{
		Status: r.Status, StatusText: r.Reason, HTTPVersion: har.HTTPVersion(r.Proto),
		Cookies: har.ResponseCookies(r.Header, e.At.Add(e.Duration)), Headers: har.Pairs(r.Header),
		Content:     harContent(r.Body, r.Header, open),
		RedirectURL: r.Header.Get("Location"), Trailers: har.Pairs(r.Trailer),
		HeadersSize: har.ResponseHeadSize(r.Proto, r.Reason, r.Header), BodySize: r.Body.length(),
	}
	if e.Failure != nil {
		h.Error = e.Failure.Text
	}
	if h.HeadersSize > 0 {
		h.TransferSize = h.HeadersSize + h.BodySize
	}
	for i := range r.Informational {
		info := &r.Informational[i]
		h.Informational = append(h.Informational, har.Informational{
			Status: info.Status, StatusText: info.Reason, HTTPVersion: har.HTTPVersion(info.Proto),
			Headers: har.Pairs(info.Header),
		})
	}
	return h
}

func harContent(b *EntryBody, header traffic.Fields, open opener) har.Content {
	c := har.Content{MimeType: header.Get("Content-Type")}
	if b == nil {
		return c
	}
	c.Size, c.Truncated, c.Body = b.Size, b.Truncated, harBody(b, open)
	if b.Coding != "" {
		c.Compression = b.Size - b.WireSize
	}
	return c
}

func harBody(b *EntryBody, open opener) har.Body {
	if b.File == "" {
		return har.Body{Data: nonNil(b.Inline)}
	}
	return har.Body{Source: func() (io.ReadCloser, error) { return open(b) }}
}

// nonNil makes of no content empty content.
func nonNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}

// millis returns a time in milliseconds, as numbers in HAR are.
func millis(d time.Duration) float64 { return float64(d/(100*time.Microsecond)) / 10 }

// harTimings returns the steps; the time for TLS is a part of Connect in HAR.
func harTimings(t traffic.Timing) har.Timings {
	step := func(d time.Duration) float64 {
		if d < 0 {
			return -1
		}
		return millis(d)
	}
	h := har.Timings{
		Blocked: step(t.Blocked), DNS: step(t.DNS), Connect: step(t.Connect), SSL: step(t.TLS),
		Send: max(0, step(t.Send)), Wait: max(0, step(t.Wait)), Receive: max(0, step(t.Receive)),
	}
	if t.TLS > 0 {
		h.Connect = millis(max(0, t.Connect) + t.TLS)
	}
	return h
}

// fromHAR makes entries of those of a HAR. Content over the limit of bodies goes to
// its folder.
type fromHAR struct {
	bodies *bodyStore
	start  time.Time // of the first entry
	seq    uint64
	id     uint64
	ids    idSet
	conns  map[string]uint64
}

// entry returns an entry with what HAR 1.2 says of it.
func (f *fromHAR) entry(h *har.Entry) (*Entry, error) {
	e := newEntry()
	e.Type, e.At = TypeHTTP, h.Started.UTC().Truncate(time.Microsecond)
	if f.start.IsZero() {
		f.start = e.At
	}
	e.Offset = max(0, e.At.Sub(f.start))
	e.Duration, e.Timing = duration(h.Time), timingOf(&h.Timings)
	if h.ServerIPAddress != "" {
		e.Server = net.JoinHostPort(h.ServerIPAddress, strconv.Itoa(serverPort(h)))
	}
	e.Conn = f.conn(h)
	var err error
	if e.Request, err = f.request(&h.Request); err != nil {
		return nil, err
	}
	if h.Response.Status > 0 {
		if e.Response, err = f.response(&h.Response); err != nil {
			return nil, err
		}
	}
	if h.WebSocketMessages != nil || isSocketURL(h.Request.URL) && h.Response.Status == 101 {
		f.handshake(e)
	}
	if h.Necto == nil {
		e.Failure = failureOf(&h.Response)
	}
	return e, nil
}

// maxConns bounds how many connections of other tools are told apart.
const maxConns = 1 << 16

// conn returns a number for the connection of an entry.
func (f *fromHAR) conn(h *har.Entry) uint64 {
	name := h.ConnectionID
	if name == "" {
		name = h.Connection
	}
	if f.conns == nil {
		f.conns = map[string]uint64{}
	}
	n, known := f.conns[name]
	if !known {
		n = uint64(len(f.conns) + 1)
		if n < maxConns {
			f.conns[name] = n
		}
	}
	return n
}

func serverPort(h *har.Entry) int {
	if h.ServerPort != 0 {
		return h.ServerPort
	}
	port, _ := strconv.Atoi(recordedURL(h.Request.URL).Port())
	return port
}

func isSocketURL(u string) bool {
	return strings.HasPrefix(u, "ws://") || strings.HasPrefix(u, "wss://")
}

// handshake makes e what opens a WebSocket connection.
func (f *fromHAR) handshake(e *Entry) {
	e.Type = TypeWSOpen
	if scheme, rest, ok := strings.Cut(e.Request.URL, "://"); ok {
		e.Request.URL = traffic.URL{Scheme: scheme}.WebSocket().Scheme + "://" + rest
	}
	if e.Response == nil {
		e.Response = &EntryResponse{}
	}
	e.Response.Status = 101
	e.WS = &traffic.WebSocket{Subprotocol: e.Response.Header.Get("Sec-WebSocket-Protocol")}
	e.Timing, e.Duration = newEntry().Timing, 0 // a ws.open line has neither
}

func (f *fromHAR) request(h *har.Request) (EntryRequest, error) {
	r := EntryRequest{
		Method: h.Method, URL: h.URL, Proto: h.HTTPVersion, Header: har.Fields(h.Headers), Trailer: har.Fields(h.Trailers),
	}
	if h.PostData == nil {
		return r, nil
	}
	var err error
	r.Body, err = f.body(&h.PostData.Body, r.Header, -1, h.BodySize, h.PostData.Truncated)
	return r, err
}

func (f *fromHAR) response(h *har.Response) (*EntryResponse, error) {
	r := &EntryResponse{
		Status: h.Status, Reason: h.StatusText, Proto: h.HTTPVersion,
		Header: har.Fields(h.Headers), Trailer: har.Fields(h.Trailers),
	}
	for i := range h.Informational {
		info := &h.Informational[i]
		r.Informational = append(r.Informational, EntryResponse{
			Status: info.Status, Reason: info.StatusText, Proto: info.HTTPVersion, Header: har.Fields(info.Headers),
		})
	}
	c := &h.Content
	if !c.Body.Present() {
		if c.Size > 0 {
			r.Body = &EntryBody{Size: c.Size, Truncated: true} // the tool has not kept it
		}
		return r, nil
	}
	var err error
	r.Body, err = f.body(&c.Body, r.Header, c.Size, h.BodySize, c.Truncated)
	return r, err
}

// body keeps content, of which size bytes passed if it is truncated, and wire
// before it was decoded; -1 if that is not known.
func (f *fromHAR) body(h *har.Body, header traffic.Fields, size, wire int64, truncated bool) (*EntryBody, error) {
	b, err := f.content(h)
	if err != nil {
		return nil, err
	}
	b.Truncated = truncated
	if truncated && size > b.Size {
		b.Size = size
	}
	if codings := coding.Parse(header.Values("Content-Encoding")); len(codings) > 0 && b.Size > 0 {
		b.Coding, b.WireSize = strings.Join(codings, ", "), b.Size
		if wire > 0 {
			b.WireSize = wire
		}
	}
	return b, nil
}

// content keeps content. What is short belongs to the entry of the HAR, which goes
// with it.
func (f *fromHAR) content(h *har.Body) (*EntryBody, error) {
	if h.Source == nil && f.bodies.fits(int64(len(h.Data))) {
		return &EntryBody{Size: int64(len(h.Data)), Inline: h.Data}, nil
	}
	r, err := h.Open()
	if err != nil {
		return nil, err
	}
	content, err := f.bodies.store(r, nil)
	if err := closeAfter(r, err); err != nil {
		return nil, err
	}
	return &EntryBody{Size: content.size, Inline: bytes.Clone(content.bytes), File: content.file}, nil
}

// closeAfter closes what was read and returns the first error.
func closeAfter(c io.Closer, err error) error {
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	return err
}

// failureOf returns why there is no whole response, nil if there is one.
func failureOf(r *har.Response) *traffic.Failure {
	text := r.Error
	if text == "" && r.Status <= 0 {
		text = "no response was recorded"
	}
	if text == "" {
		return nil
	}
	return &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideUpstream, Text: text}
}

// maxMillis is the most milliseconds that are believed of another tool.
const maxMillis = 1e12

// duration returns milliseconds as a time in steps of a tenth of one.
func duration(ms float64) time.Duration {
	if !(ms > 0 && ms < maxMillis) {
		return 0
	}
	return time.Duration(ms*10+0.5) * 100 * time.Microsecond
}

func timingOf(h *har.Timings) traffic.Timing {
	step := func(ms float64) time.Duration {
		if !(ms >= 0 && ms < maxMillis) {
			return -1
		}
		return duration(ms)
	}
	t := traffic.Timing{
		Blocked: step(h.Blocked), DNS: step(h.DNS), Connect: step(h.Connect), TLS: step(h.SSL),
		Send: step(h.Send), Wait: step(h.Wait), Receive: step(h.Receive),
	}
	if t.TLS > 0 {
		t.Connect = max(0, t.Connect-t.TLS)
	}
	return t
}
