package h1

import (
	"io"
	"net"
	"strings"
	"testing"
)

const (
	typicalRequest = "GET /api/users?page=2&sort=name HTTP/1.1\r\nHost: api.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef\r\nCache-Control: no-cache\r\n\r\n"
	typicalResponse = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 19 Oct 2026 07:28:00 GMT\r\n" +
		"Content-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n" +
		"Cache-Control: private, max-age=0\r\nETag: \"33a64df551425fcc55e4d42a148795d9\"\r\nVary: Accept-Encoding\r\n\r\n"
)

// loop delivers text again and again.
type loop struct {
	text string
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.text[l.pos:])
	if l.pos += n; l.pos == len(l.text) {
		l.pos = 0
	}
	return n, nil
}

func BenchmarkReadRequest(b *testing.B) {
	r := NewReader(&loop{text: typicalRequest}, Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(typicalRequest)))
	for b.Loop() {
		if _, err := r.ReadRequest(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadResponse(b *testing.B) {
	r := NewReader(&loop{text: typicalResponse}, Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(typicalResponse)))
	for b.Loop() {
		if _, err := r.ReadResponse(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	req, err := source(typicalRequest).ReadRequest()
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(typicalRequest)))
	for b.Loop() {
		dst = AppendRequest(dst[:0], req, req.Target)
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	resp, err := source(typicalResponse).ReadResponse()
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(typicalResponse)))
	for b.Loop() {
		dst = AppendResponse(dst[:0], resp)
	}
}

// counter is the cheapest Tap.
type counter int64

func (c *counter) Data(p []byte) { *c += counter(len(p)) }
func (c *counter) Full() bool    { return false }
func (c *counter) Skip(n int64)  { *c += counter(n) }

func benchmarkRelay(b *testing.B, framing Framing, wire string) {
	r := NewReader(&loop{text: wire}, Limits{})
	var tap counter
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		body := r.Body(framing)
		body.Tap = &tap
		if err := body.Relay(io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRelayLength1KiB(b *testing.B) {
	benchmarkRelay(b, Framing{Kind: ByLength, Length: 1 << 10}, strings.Repeat("x", 1<<10))
}

func BenchmarkRelayChunked64KiB(b *testing.B) {
	wire := strings.Repeat("1000\r\n"+strings.Repeat("x", 4<<10)+"\r\n", 16) + "0\r\n\r\n"
	benchmarkRelay(b, Framing{Kind: Chunked}, wire)
}

// A stream of tokens is the worst of the ordinary: all framing.
func BenchmarkRelayChunkedTokens(b *testing.B) {
	wire := strings.Repeat("4\r\nword\r\n", 4<<10) + "0\r\n\r\n"
	benchmarkRelay(b, Framing{Kind: Chunked}, wire)
}

// BenchmarkExchange is the whole work of a proxy on one exchange, without the
// network.
func BenchmarkExchange(b *testing.B) {
	body := strings.Repeat("x", 1<<10)
	client := NewReader(&loop{text: typicalRequest}, Limits{})
	origin := NewReader(&loop{text: typicalResponse + body}, Limits{})
	var head []byte
	var tap counter
	b.ReportAllocs()
	b.SetBytes(int64(len(typicalRequest) + len(typicalResponse) + len(body)))
	for b.Loop() {
		req, err := client.ReadRequest()
		if err != nil {
			b.Fatal(err)
		}
		head = AppendRequest(head[:0], req, req.Target)
		resp, err := origin.ReadResponse()
		if err != nil {
			b.Fatal(err)
		}
		framing, err := ResponseFraming(resp, req.Method)
		if err != nil {
			b.Fatal(err)
		}
		answer := origin.Body(framing)
		answer.Tap = &tap
		head = AppendResponse(head[:0], resp)
		if err := answer.Relay(io.Discard, head); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplice(b *testing.B) {
	const length = 16 << 20
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	pair := func() (net.Conn, net.Conn) {
		near, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		far, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		return near, far
	}
	source, origin := pair()
	out, client := pair()
	sent, received := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sent)
		for piece := make([]byte, 256<<10); ; {
			if _, err := origin.Write(piece); err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(received)
		_, _ = io.Copy(io.Discard, client)
	}()
	r := NewReader(source, Limits{})
	b.ReportAllocs()
	b.SetBytes(length)
	for b.Loop() {
		if err := r.Body(Framing{Kind: ByLength, Length: length}).Relay(out, nil); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []net.Conn{source, origin, out, client} {
		c.Close()
	}
	<-sent
	<-received
}
