package har_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

// pixel is a PNG of one pixel.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82")

// began is when all samples began.
var began = time.Date(2026, 11, 20, 23, 44, 3, 131877000, time.UTC)

// sample is an entry that a test names.
type sample struct {
	name  string
	entry *har.Entry
}

// sampleOf returns an entry as a recording makes them.
func sampleOf(method, url string, status int, contentType string, content []byte) *har.Entry {
	e := &har.Entry{
		Started: began,
		Request: har.Request{
			Method: method, URL: url, HTTPVersion: "HTTP/1.1",
			Headers: []har.Pair{{Name: "Host", Value: "example.test"}}, HeadersSize: 41,
		},
		Response: har.Response{
			Status: status, HTTPVersion: "HTTP/1.1", HeadersSize: 60, BodySize: int64(len(content)),
			Content: har.Content{Size: int64(len(content)), MimeType: contentType, Body: har.Body{Data: content}},
		},
		Timings:         har.Timings{Blocked: -1, DNS: -1, Connect: -1, SSL: -1, Send: 0.1, Wait: 12.5, Receive: 0.4},
		ServerIPAddress: "127.0.0.1", ServerPort: 443, Connection: "50312", ConnectionID: "1",
	}
	e.Time = e.Timings.Total()
	if contentType != "" {
		e.Response.Headers = []har.Pair{{Name: "Content-Type", Value: contentType}}
	}
	return e
}

// withPost gives the request of an entry content.
func withPost(e *har.Entry, contentType string, content []byte) *har.Entry {
	e.Request.PostData = &har.PostData{
		MimeType: contentType, Params: har.FormParams(contentType, content), Body: har.Body{Data: content},
	}
	e.Request.BodySize = int64(len(content))
	e.Request.Headers = append(e.Request.Headers, har.Pair{Name: "Content-Type", Value: contentType})
	return e
}

// open returns a Source over content.
func open(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// samples returns an entry of each kind.
func samples() []sample {
	all := []sample{
		{"page", sampleOf("GET", "https://example.test/", 200, "text/html; charset=utf-8", []byte(samplePage))},
		{"image", sampleOf("GET", "https://example.test/logo.png", 200, "image/png", pixel)},
		{"json", sampleOf("GET", "https://example.test/api?b=2&a=%20x&a=%zz", 200, "application/json", []byte(`{"say":"ok \ud83d"}`))},
		{"empty", sampleOf("GET", "https://example.test/empty", 200, "text/plain", []byte{})},
		{"not modified", sampleOf("GET", "https://example.test/same", 304, "", nil)},
		{"post", withPost(sampleOf("POST", "https://example.test/orders", 201, "text/plain", []byte("created")), "application/json", []byte(`{"item":"a1"}`))},
		{"post of bytes", withPost(sampleOf("POST", "https://example.test/bytes", 200, "text/plain", []byte("bytes")), "application/octet-stream", []byte{0, 0xff, 0xfe})},
		{"post of nothing", withPost(sampleOf("PUT", "https://example.test/none", 200, "", nil), "text/plain", []byte{})},
		{"form", withPost(sampleOf("POST", "https://example.test/form", 200, "", nil), "application/x-www-form-urlencoded", []byte("a=1+2&b=%26"))},
		{"multipart", withPost(sampleOf("POST", "https://example.test/upload", 200, "", nil), "multipart/form-data; boundary=b",
			[]byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"+string(pixel)+"\r\n--b--\r\n"))},
		{"odd target", sampleOf("GET", "http://[::1]:8080/a|b/{c}/%zz/\\?q=\"<>^`'", 404, "text/plain", []byte("no"))},
		{"long text", sampleOf("GET", "https://example.test/long.txt", 200, "text/plain", nil)},
		{"long binary", sampleOf("GET", "https://example.test/long.bin", 200, "application/octet-stream", nil)},
	}
	text := strings.Repeat("größer \"漢字\" 🙂\n\x01", 20_000)
	all[11].entry.Response.Content = har.Content{
		Size: int64(len(text)), MimeType: "text/plain", Body: har.Body{Source: open([]byte(text))},
	}
	binary := append([]byte(text), 0xff)
	all[12].entry.Response.Content = har.Content{
		Size: int64(len(binary)), MimeType: "application/octet-stream", Body: har.Body{Source: open(binary)},
	}
	return append(append(all, oddResponses()...), streams()...)
}

// samplePage reports what it gets of the other samples.
const samplePage = `<!doctype html><title>from the HAR</title><link rel="icon" href="data:,"><img id="logo" src="/logo.png">
<script>
window.report = (async () => {
  const text = async (path, init) => (await fetch(path, init)).text();
  await document.getElementById("logo").decode();
  return {
    title: document.title,
    image: document.getElementById("logo").naturalWidth,
    json: await text("/api?b=2&a=%20x&a=%zz"),
    post: await text("/orders", {method: "POST", body: '{"item":"a1"}'}),
    bytes: await text("/bytes", {method: "POST", body: new Uint8Array([0, 255, 254])}),
    otherPost: await text("/orders", {method: "POST", body: "other"}).catch(() => "refused"),
    coded: (await text("/coded")).length,
    long: (await text("/long.txt")).length,
    longBinary: (await (await fetch("/long.bin")).arrayBuffer()).byteLength,
    redirected: (await text("/old")).includes("from the HAR"),
    empty: await text("/empty"),
  };
})();
</script>`

// oddResponses returns entries that test what readers take.
func oddResponses() []sample {
	failed := sampleOf("GET", "http://nowhere.test/", 0, "x-unknown", nil)
	failed.Response.HTTPVersion, failed.Response.Error, failed.ServerIPAddress = "", "lookup nowhere.test: no such host", ""
	failed.Response.HeadersSize, failed.Response.BodySize = -1, -1

	redirect := sampleOf("GET", "https://example.test/old", 302, "", nil)
	redirect.Response.RedirectURL = "/"
	redirect.Response.Headers = []har.Pair{{Name: "Location", Value: "/"}}

	cookies := sampleOf("GET", "https://example.test/cookies", 200, "text/plain", []byte("cookies"))
	sent := traffic.Fields{{Name: "Cookie", Value: `a=1; json={"k":1}; alone`}}
	cookies.Request.Headers, cookies.Request.Cookies = har.Pairs(sent), har.RequestCookies(sent)
	set := traffic.Fields{
		{Name: "Set-Cookie", Value: "a=1; Expires=Wednesday, 09-Nov-33 23:12:40 GMT; Path=/; HttpOnly; Secure; SameSite=lax"},
		{Name: "Set-Cookie", Value: "b=2; Expires=0; Domain=.example.test"},
		{Name: "Set-Cookie", Value: "c=3; Max-Age=99999999999999"},
	}
	cookies.Response.Headers, cookies.Response.Cookies = har.Pairs(set), har.ResponseCookies(set, began)

	cut := sampleOf("GET", "https://example.test/cut", 200, "text/plain", []byte("the beginn"))
	cut.Response.Content.Size, cut.Response.Content.Truncated, cut.Response.Content.Comment = 1<<30, true, "only 10 bytes were kept"

	coded := sampleOf("GET", "https://example.test/coded", 200, "text/plain", []byte(strings.Repeat("a", 1000)))
	coded.Response.BodySize, coded.Response.Content.Compression = 29, 971
	coded.Response.Headers = append(coded.Response.Headers, har.Pair{Name: "Content-Encoding", Value: "gzip"})

	latin := sampleOf("GET", "https://example.test/latin\xe9", 200, "text/plain", []byte("latin"))
	latin.Response.StatusText = "d\xe9j\xe0 vu"
	latin.Response.Headers = append(latin.Response.Headers, har.Pair{Name: "X-Latin", Value: "caf\xe9"})

	return []sample{{"failed", failed}, {"redirect", redirect}, {"cookies", cookies}, {"truncated", cut}, {"coded", coded}, {"latin", latin}}
}

// streams returns entries with members that HAR 1.2 has not.
func streams() []sample {
	trailers := sampleOf("POST", "https://example.test/service.Echo/Call", 200, "application/grpc", []byte{0, 0, 0, 0, 0})
	trailers.Request.HTTPVersion, trailers.Response.HTTPVersion = "http/2.0", "http/2.0"
	trailers.Request.HeadersSize, trailers.Response.HeadersSize = -1, -1
	trailers.Request.Trailers = []har.Pair{{Name: "x-sum", Value: "1"}}
	trailers.Response.Trailers = []har.Pair{{Name: "grpc-status", Value: "0"}}
	trailers.Response.Informational = []har.Informational{{
		Status: 103, StatusText: "Early Hints", HTTPVersion: "http/2.0",
		Headers: []har.Pair{{Name: "link", Value: "</style.css>; rel=preload"}},
	}}
	trailers.SecurityDetails = &har.SecurityDetails{
		Protocol: "TLS 1.3", SubjectName: "example.test", Issuer: "necto",
		ValidFrom: began.Add(-time.Hour), ValidTo: began.Add(time.Hour),
	}

	events := sampleOf("GET", "https://example.test/events", 200, "text/event-stream", []byte("id: 1\ndata: one\n\n"))
	events.ResourceType = "eventsource"
	events.EventSourceMessages = []har.Event{{Time: began.Add(time.Second), Name: "message", ID: "1", Data: "one"}}
	events.Timings.Blocked, events.Timings.BlockedBreakpoint = 100, 99
	events.Time = events.Timings.Total()
	events.Necto = json.RawMessage(`{"v":1,"id":3}`)
	events.Extra = []har.Member{{Name: "_priority", Value: json.RawMessage(`"High"`)}, {Name: "_odd \"name\"", Value: json.RawMessage(`[1,{"a":null}]`)}}

	return []sample{{"trailers", trailers}, {"events", events}, {"websocket", conversation()}}
}

// conversation returns a WebSocket connection.
func conversation() *har.Entry {
	e := sampleOf("GET", "wss://example.test/ws", 101, "", nil)
	e.Response.StatusText, e.ResourceType = "Switching Protocols", "websocket"
	e.WebSocketMessages = har.Messages([]har.Message{
		{Time: began.Add(time.Millisecond), Dir: traffic.ClientToServer, Opcode: traffic.OpText, Body: har.Body{Data: []byte(`{"say":"hello"}`)}},
		{Time: began.Add(2 * time.Millisecond), Dir: traffic.ServerToClient, Opcode: traffic.OpBinary, Body: har.Body{Data: []byte{0, 1, 0xff}}, Fragments: 3},
		{Time: began.Add(3 * time.Millisecond), Dir: traffic.ServerToClient, Opcode: traffic.OpText, Body: har.Body{Data: []byte("not \xff UTF-8")}},
		{Time: began.Add(4 * time.Millisecond), Dir: traffic.ServerToClient, Opcode: traffic.OpPing},
		{
			Time: began.Add(5 * time.Millisecond), Dir: traffic.ClientToServer, Opcode: traffic.OpClose,
			Body: har.Body{Data: []byte("\x03\xe8bye")}, Close: &har.Close{Code: 1000, Reason: "bye"}, Necto: json.RawMessage(`{"n":5}`),
		},
	})
	e.WebSocketClose = &har.Close{Code: 1000, Reason: "bye", Time: began.Add(6 * time.Millisecond)}
	return e
}

// manyMessages returns n messages that are made while they are read.
func manyMessages(n int) iter.Seq2[*har.Message, error] {
	return func(yield func(*har.Message, error) bool) {
		for i := range n {
			m := &har.Message{Time: began, Opcode: traffic.OpText, Body: har.Body{Data: fmt.Appendf(nil, "message %d", i)}}
			if !yield(m, nil) {
				return
			}
		}
	}
}
