package h2_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// with returns the pseudo-fields of a GET and more fields.
func with(more ...string) []string { return slices.Concat(request, more) }

// badRequests are heads of requests that have to be refused.
var badRequests = []struct {
	name string
	head []string
}{
	{"no method", request[2:]},
	{"no scheme", slices.Concat(request[:2], request[4:])},
	{"no path", request[:6]},
	{"empty path", slices.Concat(request[:6], []string{":path", ""})},
	{"a path without a slash", slices.Concat(request[:6], []string{":path", "a"})},
	{"an absolute path", slices.Concat(request[:6], []string{":path", "http://example.test/"})},
	{"a path with a space", slices.Concat(request[:6], []string{":path", "/a HTTP/1.1"})},
	{"a star for a GET", slices.Concat(request[:6], []string{":path", "*"})},
	{"two paths", slices.Concat(request, []string{":path", "/b"})},
	{"two methods", slices.Concat([]string{":method", "GET"}, request)},
	{"a method that is no token", slices.Concat([]string{":method", "GET /"}, request[2:])},
	{"a scheme that is none", slices.Concat(request[:2], []string{":scheme", "http://"}, request[4:])},
	{"a user in the authority", slices.Concat(request[:4], []string{":authority", "user@example.test"}, request[6:])},
	{"a line break in the authority", slices.Concat(request[:4], []string{":authority", "a\r\nx: y"}, request[6:])},
	{"a pseudo-field behind others", slices.Concat(request[:6], []string{"a", "b"}, request[6:])},
	{"an unknown pseudo-field", slices.Concat([]string{":fun", "1"}, request)},
	{"a pseudo-field of responses", slices.Concat([]string{":status", "200"}, request)},
	{"upper case", with("X-A", "b")},
	{"no name", with("", "b")},
	{"a space in a name", with("x a", "b")},
	{"a colon in a name", with("x:a", "b")},
	{"a line break in a name", with("x\r\ny", "b")},
	{"CR in a value", with("x", "a\rb")},
	{"LF in a value", with("x", "a\nb")},
	{"NUL in a value", with("x", "a\x00b")},
	{"DEL in a value", with("x", "a\x7fb")},
	{"a space before a value", with("x", " a")},
	{"a tab behind a value", with("x", "a\t")},
	{"connection", with("connection", "close")},
	{"keep-alive", with("keep-alive", "1")},
	{"proxy-connection", with("proxy-connection", "close")},
	{"transfer-encoding", with("transfer-encoding", "chunked")},
	{"upgrade", with("upgrade", "websocket")},
	{"te with gzip", with("te", "gzip")},
	{"te with more", with("te", "trailers, gzip")},
	{"another host", with("host", "other.test")},
	{"two hosts", with("host", "example.test", "host", "example.test")},
	{"an invalid host", slices.Concat(request[:4], request[6:], []string{"host", "a b"})},
	{"a content-length that is none", with("content-length", "1x")},
	{"a content-length with a sign", with("content-length", "+1")},
	{"two content-lengths", with("content-length", "0", "content-length", "0")},
	{"a list of content-lengths", with("content-length", "0, 0")},
	{"content without any", with("content-length", "1")},
	{"CONNECT with a path", []string{":method", "CONNECT", ":authority", "a.test:1", ":path", "/"}},
	{"CONNECT with a scheme", []string{":method", "CONNECT", ":authority", "a.test:1", ":scheme", "http"}},
	{"CONNECT without an authority", []string{":method", "CONNECT"}},
	{"a protocol that was not offered", []string{":method", "CONNECT", ":scheme", "http", ":authority", "a.test", ":path", "/", ":protocol", "websocket"}},
}

func TestBadRequestsAreRefused(t *testing.T) {
	for _, test := range badRequests {
		t.Run(test.name, func(t *testing.T) {
			var refused *h2.StreamError
			cfg := h2.Config{Refused: func(e *h2.StreamError) { refused = e }}
			p, c := against(t, cfg, func(s *h2.Stream) {
				if s.ID() == 1 {
					t.Error("the handler was called")
				}
				_ = s.WriteHead(h2.ResponseHead(204, nil).Ended())
			})
			p.headers(1, true, test.head...)
			p.awaitReset(1, h2.CodeProtocol)
			p.headers(3, true, request...)
			if f := p.await(http2.FrameHeaders); f.stream != 3 {
				t.Errorf("got %v, want an answer on stream 3", f)
			}
			p.conn.Close()
			_ = c.result(t)
			if refused == nil || refused.Stream != 1 || refused.Code != h2.CodeProtocol || refused.Reason == "" {
				t.Errorf("Refused was told %v", refused)
			}
		})
	}
}

func TestGoodRequestsAreTaken(t *testing.T) {
	tests := []struct {
		name string
		head []string
	}{
		{"te with trailers", with("te", "trailers")},
		{"the same host", with("host", "EXAMPLE.test")},
		{"only a host", slices.Concat(request[:4], request[6:], []string{"host", "example.test"})},
		{"a star for OPTIONS", []string{":method", "OPTIONS", ":scheme", "https", ":authority", "a.test", ":path", "*"}},
		{"another order", []string{":path", "/?", ":authority", "[::1]:80", ":scheme", "http", ":method", "X"}},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "a.test:443"}},
		{"extended CONNECT", []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a.test", ":path", "/"}},
		{"odd values", with("x", "", "y", "a \t b", "z", "\xff\x80", "cookie", "a=b", "cookie", "c=d")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			heads := make(chan h2.Head, 1)
			p, _ := against(t, h2.Config{ExtendedConnect: true}, func(s *h2.Stream) {
				heads <- s.Head()
				_ = s.WriteHead(h2.ResponseHead(200, nil).Ended())
			})
			p.headers(1, true, test.head...)
			if f := p.await(http2.FrameHeaders); f.stream != 1 {
				t.Errorf("got %v", f)
			}
			head := <-heads
			var got []string
			for _, f := range slices.Concat(head.Pseudo, head.Fields) {
				got = append(got, f.Name, f.Value)
			}
			if diff := cmp.Diff(test.head, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadResponsesEndTheirStream(t *testing.T) {
	ok := []string{":status", "200"}
	tests := []struct {
		name string
		send func(*peer)
	}{
		{"no status", func(p *peer) { p.headers(1, false, "a", "b") }},
		{"two statuses", func(p *peer) { p.headers(1, false, ":status", "200", ":status", "200") }},
		{"a status that is no number", func(p *peer) { p.headers(1, false, ":status", "2x0") }},
		{"a short status", func(p *peer) { p.headers(1, false, ":status", "99") }},
		{"a signed status", func(p *peer) { p.headers(1, false, ":status", "+99") }},
		{"a method", func(p *peer) { p.headers(1, false, ":status", "200", ":method", "GET") }},
		{"101", func(p *peer) { p.headers(1, false, ":status", "101") }},
		{"1xx at the end", func(p *peer) { p.headers(1, true, ":status", "103") }},
		{"only 1xx", func(p *peer) { p.headers(1, false, ":status", "103"); p.must(p.framer.WriteData(1, true, nil)) }},
		{"connection", func(p *peer) { p.headers(1, false, ":status", "200", "connection", "close") }},
		{"upper case", func(p *peer) { p.headers(1, false, ":status", "200", "X", "y") }},
		{"content before the head", func(p *peer) { p.must(p.framer.WriteData(1, false, []byte("x"))) }},
		{"content in a 204", func(p *peer) { p.headers(1, false, ":status", "204"); p.must(p.framer.WriteData(1, true, []byte("x"))) }},
		{"content in a 304", func(p *peer) { p.headers(1, false, ":status", "304"); p.must(p.framer.WriteData(1, true, []byte("x"))) }},
		{"more content", func(p *peer) {
			p.headers(1, false, ":status", "200", "content-length", "1")
			p.must(p.framer.WriteData(1, true, []byte("xy")))
		}},
		{"less content", func(p *peer) {
			p.headers(1, false, ":status", "200", "content-length", "2")
			p.must(p.framer.WriteData(1, true, []byte("x")))
		}},
		{"less content before trailers", func(p *peer) {
			p.headers(1, false, ":status", "200", "content-length", "2")
			p.headers(1, true, "a", "b")
		}},
		{"no content at all", func(p *peer) { p.headers(1, true, ":status", "200", "content-length", "2") }},
		{"trailers before the end", func(p *peer) { p.headers(1, false, ok...); p.headers(1, false, "a", "b") }},
		{"a status in trailers", func(p *peer) { p.headers(1, false, ok...); p.headers(1, true, ":status", "200") }},
		{"connection in trailers", func(p *peer) { p.headers(1, false, ok...); p.headers(1, true, "connection", "close") }},
		{"too many 1xx", func(p *peer) {
			for range 100 {
				p.headers(1, false, ":status", "103")
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, c := origin(t, h2.Config{})
			s, err := c.Open(t.Context(), post("/"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p.await(http2.FrameHeaders)
			test.send(p)
			p.awaitReset(1, h2.CodeProtocol)
			<-s.Context().Done()
			var reason *h2.StreamError
			if _, err := s.Write([]byte("x")); !errors.As(err, &reason) || reason.Remote || reason.Reason == "" {
				t.Errorf("write: %v", err)
			}
		})
	}
}

func TestAnswersWithoutContentHaveNone(t *testing.T) {
	tests := []struct{ name, method, status string }{
		{"HEAD", "HEAD", "200"}, {"204", "GET", "204"}, {"304", "GET", "304"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, c := origin(t, h2.Config{})
			s, err := c.Open(t.Context(), h2.RequestHead(test.method, "http", "a.test", "/", nil).Ended())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p.await(http2.FrameHeaders)
			p.headers(1, true, ":status", test.status, "content-length", "5")
			if head, err := s.ReadHead(t.Context()); err != nil || !head.End || s.Length() != 0 {
				t.Errorf("head %v, length %d, %v", head, s.Length(), err)
			}
		})
	}
}

func TestWhatMayNotBeSentIsNotSent(t *testing.T) {
	bad := traffic.Fields{{Name: "x", Value: "a\r\nb"}}
	done := make(chan struct{})
	client, _ := pair(t, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
		defer close(done)
		for name, err := range map[string]error{
			"a response with a line break": s.WriteHead(h2.ResponseHead(200, bad)),
			"a 101":                        s.WriteHead(h2.ResponseHead(101, nil)),
			"a status of 1000":             s.WriteHead(h2.ResponseHead(1000, nil)),
			"trailers without a head":      s.CloseWrite(traffic.Fields{{Name: "a", Value: "b"}}),
			"upper-case trailers":          s.CloseWrite(traffic.Fields{{Name: "A", Value: "b"}}),
		} {
			if err == nil {
				t.Errorf("%s was sent", name)
			}
		}
		if _, err := s.Write([]byte("x")); err == nil {
			t.Error("content was sent without a head")
		}
		if err := s.WriteHead(h2.ResponseHead(200, nil)); err != nil {
			t.Error(err)
		}
		if err := s.WriteHead(h2.ResponseHead(200, nil)); err == nil {
			t.Error("a second head was sent")
		}
		if err := s.CloseWrite(nil); err != nil {
			t.Error(err)
		}
		if _, err := s.Write([]byte("x")); err == nil {
			t.Error("content was sent after the end")
		}
		if err := s.CloseWrite(nil); err != nil {
			t.Errorf("a second end: %v", err)
		}
	})
	for name, head := range map[string]h2.Head{
		"a line break":       get("/", bad...),
		"a space in a path":  get("/ "),
		"no method":          h2.RequestHead("", "http", "a.test", "/", nil),
		"another host":       get("/", traffic.Field{Name: "host", Value: "b.test"}),
		"extended CONNECT":   {Pseudo: traffic.Fields{{Name: ":method", Value: "CONNECT"}, {Name: ":protocol", Value: "websocket"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "a.test"}, {Name: ":path", Value: "/"}}},
		"transfer-encoding":  get("/", traffic.Field{Name: "transfer-encoding", Value: "chunked"}),
		"a space at the end": get("/", traffic.Field{Name: "a", Value: "b "}),
	} {
		if _, err := client.Open(t.Context(), head); err == nil || h2.IsUnprocessed(err) {
			t.Errorf("a request with %s: %v", name, err)
		}
	}
	s, err := client.Open(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	<-done
}

func TestNeverIndexedFieldsStaySo(t *testing.T) {
	p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, s.Head().Fields).Ended())
	})
	block := p.encode(request...)
	p.block.Reset()
	p.must(p.enc.WriteField(hpack.HeaderField{Name: "x-key", Value: "secret", Sensitive: true}))
	p.must(p.enc.WriteField(hpack.HeaderField{Name: "x-open", Value: "1"}))
	p.must(p.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: append(block, p.block.Bytes()...), EndStream: true, EndHeaders: true,
	}))
	want := []hpack.HeaderField{{Name: ":status", Value: "200"}, {Name: "x-key", Value: "secret", Sensitive: true}, {Name: "x-open", Value: "1"}}
	if diff := cmp.Diff(want, p.await(http2.FrameHeaders).fields); diff != "" {
		t.Error(diff)
	}
}

func TestLongHeadsTakeSeveralFrames(t *testing.T) {
	long := traffic.Fields{{Name: "x", Value: strings.Repeat("\xff", 100_000)}, {Name: "y", Value: "z"}}
	client, _ := pair(t, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, s.Head().Fields).Ended())
	})
	for range 3 {
		s, err := client.Open(t.Context(), get("/", long...))
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.ReadHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(long, head.Fields, cmp.AllowUnexported(traffic.Field{})); diff != "" {
			t.Error(diff)
		}
		s.Close()
	}
}
