package replay

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/traffic"
)

const sidecarName = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

// nameOf returns the name that content has in a sidecar folder.
func nameOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// writeSidecar adds content to the sidecar folder of a recording.
func writeSidecar(t testing.TB, recording, content string) {
	t.Helper()
	folder := strings.TrimSuffix(recording, ".jsonl") + ".bodies"
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, nameOf(content)), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// answering is a recorded GET of http://h/ with a response.
func answering(status int, header fields, body *bodyJSON) httpLine {
	l := get("/", "")
	l.Response = &message{Status: status, Reason: "Fine And Dandy", Headers: header, Body: body}
	return l
}

func sameFields(t *testing.T, got traffic.Fields, want fields) {
	t.Helper()
	if diff := cmp.Diff(want.traffic(), got, cmpopts.IgnoreUnexported(traffic.Field{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestHeadersAndFraming(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		recorded fields
		body     *bodyJSON
		want     fields
		length   int64
	}{
		"order, case and duplicates": {
			200,
			fields{{"set-cookie", "a=1"}, {"X-A", ""}, {"Set-Cookie", "b=2"}, {"content-length", "5"}, {"x-a", "2"}},
			text("hello"),
			fields{{"set-cookie", "a=1"}, {"X-A", ""}, {"Set-Cookie", "b=2"}, {"content-length", "5"}, {"x-a", "2"}},
			5,
		},
		"content length corrected in its place": {
			200,
			fields{{"CONTENT-LENGTH", "99"}, {"X", "y"}},
			text("hello"),
			fields{{"CONTENT-LENGTH", "5"}, {"X", "y"}},
			5,
		},
		"hop by hop": {
			200,
			fields{{"Connection", "close, X-Hop"}, {"Keep-Alive", "timeout=5"}, {"X-Hop", "1"}, {"Proxy-Connection", "x"}, {"TE", "x"}, {"X-End", "1"}},
			text("hello"),
			fields{{"X-End", "1"}, {"Content-Length", "5"}},
			5,
		},
		"chunked stays chunked, in its place": {
			200,
			fields{{"transfer-encoding", "gzip, chunked"}, {"X", "y"}},
			text("hello"),
			fields{{"transfer-encoding", "chunked"}, {"X", "y"}},
			-1,
		},
		"chunked and empty":  {200, fields{{"Transfer-Encoding", "chunked"}}, nil, fields{{"Transfer-Encoding", "chunked"}}, -1},
		"until close":        {200, fields{{"X", "y"}}, text("hello"), fields{{"X", "y"}, {"Content-Length", "5"}}, 5},
		"streamed to close":  {200, fields{{"X", "y"}}, streamed("hello"), fields{{"X", "y"}, {"Transfer-Encoding", "chunked"}}, -1},
		"pieces of a length": {200, fields{{"Content-Length", "5"}}, streamed("hello"), fields{{"Content-Length", "5"}}, 5},
		"no body":            {404, fields{{"X", "y"}}, nil, fields{{"X", "y"}, {"Content-Length", "0"}}, 0},
		"204":                {204, fields{{"X", "y"}, {"Transfer-Encoding", "chunked"}}, nil, fields{{"X", "y"}}, 0},
		"304 keeps a length": {304, fields{{"Content-Length", "42"}, {"Content-Encoding", "gzip"}}, nil, fields{{"Content-Length", "42"}, {"Content-Encoding", "gzip"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{}, write(t, "off", answering(c.status, c.recorded, c.body)))
			for range 2 { // from the file, then from the cache
				resp, body := ask(t, x, newRequest(t, "GET", "http://h/", nil, ""))
				sameFields(t, resp.Header, c.want)
				if resp.Status != c.status || resp.Reason != "Fine And Dandy" || resp.Length != c.length {
					t.Errorf("%d %q, length %d", resp.Status, resp.Reason, resp.Length)
				}
				if c.body != nil && body != *c.body.Text {
					t.Errorf("content %q", body)
				}
			}
		})
	}
}

// streamed is a body that came in two pieces, after 100 ms and 300 ms.
func streamed(s string) *bodyJSON {
	b := text(s)
	b.Chunks = [][2]float64{{100, 2}, {300, float64(len(s) - 2)}}
	return b
}

func coded(s string, size int) *bodyJSON {
	b := text(s)
	b.Wire = &wireJSON{"gzip", size}
	return b
}

func TestContentCoding(t *testing.T) {
	content := strings.Repeat("hello ", 100)
	header := fields{{"Content-Encoding", "gzip"}, {"Vary", "Accept-Encoding"}, {"Content-Length", "40"}}
	x := load(t, Options{}, write(t, "off", answering(200, header, coded(content, 40))))
	for accept, want := range map[string]bool{"gzip, br": true, "br": false, "gzip;q=0": false, "*": true, "": false} {
		resp, body := ask(t, x, newRequest(t, "GET", "http://h/", fields{{"Accept-Encoding", accept}}, ""))
		if resp.Header.Has("Content-Encoding") != want || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, resp.Header)
		}
		if resp.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("%q: length %s of %d", accept, resp.Header.Get("Content-Length"), len(body))
		}
		if want {
			body = gunzip(t, body)
		}
		if body != content {
			t.Errorf("%q: content %.20q", accept, body)
		}
	}
}

func TestUndecodedContentKeepsItsCoding(t *testing.T) {
	x := load(t, Options{}, write(t, "off", answering(200, fields{{"Content-Encoding", "gzip"}}, text("not gzip"))))
	resp, body := ask(t, x, newRequest(t, "GET", "http://h/", fields{{"Accept-Encoding", "identity"}}, ""))
	if resp.Header.Get("Content-Encoding") != "gzip" || body != "not gzip" {
		t.Errorf("%v %q", resp.Header, body)
	}
}

func gunzip(t testing.TB, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLargeAnswersStayOnDisk(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	body := &bodyJSON{Size: len(large), File: nameOf(large)}
	path := write(t, "off", answering(200, fields{{"Content-Length", "1000000"}}, body))
	writeSidecar(t, path, large)
	x := load(t, Options{}, path)
	for range 2 {
		resp, got := ask(t, x, newRequest(t, "GET", "http://h/", nil, ""))
		if got != large || resp.Length != int64(len(large)) {
			t.Errorf("got %d bytes, length %d", len(got), resp.Length)
		}
		if _, ok := resp.Body.(*traffic.MemoryBody); ok {
			t.Error("a large body is in memory")
		}
	}
	if x.cache.size > maxCachedEntry {
		t.Errorf("%d bytes in the cache", x.cache.size)
	}

	body.Wire = &wireJSON{"gzip", 5000}
	path = write(t, "off", answering(200, fields{{"Content-Length", "5000"}, {"Content-Encoding", "gzip"}}, body))
	writeSidecar(t, path, large)
	resp, got := ask(t, load(t, Options{}, path), newRequest(t, "GET", "http://h/", fields{{"Accept-Encoding", "gzip"}}, ""))
	if resp.Length != -1 || gunzip(t, got) != large {
		t.Errorf("encoded while sent: length %d, %d bytes", resp.Length, len(got))
	}
	sameFields(t, resp.Header, fields{{"Transfer-Encoding", "chunked"}, {"Content-Encoding", "gzip"}})
}

func TestMissingSidecarIsAMiss(t *testing.T) {
	x := load(t, Options{}, write(t, "off", answering(200, nil, &bodyJSON{Size: 3, File: sidecarName})))
	if got := asked(t, x, "http://h/"); got != "501" {
		t.Errorf("got %s", got)
	}
	if reason := x.Misses()[0].Reason; !strings.Contains(reason, "recorded answer #1") {
		t.Errorf("reason %q", reason)
	}
}

func TestUnservableAnswersAreMisses(t *testing.T) {
	upgrade := answering(101, fields{{"Upgrade", "x"}}, nil)
	reason := answering(200, nil, text("hello"))
	reason.Response.Reason = "OK\r\nX-Evil: 1"
	trailer := answering(200, fields{{"Transfer-Encoding", "chunked"}}, text("hello"))
	trailer.Response.Trailers = fields{{"X-Sum", "a\nb"}}
	early := answering(200, nil, text("hello"))
	early.Response.Informational = []message{{Status: 103, Headers: fields{{"Link", "</a>\r\n\r\nHTTP/1.1 200 OK"}}}}
	for name, line := range map[string]httpLine{
		"status 101":                  upgrade,
		"line end in reason":          reason,
		"line end in field value":     answering(200, fields{{"X-A", "b\r\nSet-Cookie: c=d"}}, text("hello")),
		"line end in field name":      answering(200, fields{{"X-A\r\nX", "b"}}, text("hello")),
		"colon in field name":         answering(200, fields{{"X-A:", "b"}}, text("hello")),
		"field without a name":        answering(200, fields{{"", "b"}}, text("hello")),
		"NUL in field value":          answering(200, fields{{"X-A", "\x00"}}, text("hello")),
		"line end in trailer":         trailer,
		"line end in an early answer": early,
	} {
		x := load(t, Options{}, write(t, "off", line))
		if got := asked(t, x, "http://h/"); got != "501" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestInformationalAndTrailers(t *testing.T) {
	l := answering(200, fields{{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}, text("hello"))
	l.Response.Trailers = fields{{"X-Sum", "abc"}}
	l.Response.Informational = []message{
		{Status: 100, Reason: "Continue"}, {Status: 103, Reason: "Early Hints", Headers: fields{{"Link", "</a>"}}},
	}
	x := load(t, Options{}, write(t, "off", l))
	req := newRequest(t, "GET", "http://h/", nil, "")
	var early []*traffic.Response
	req.Informational = func(r *traffic.Response) error {
		early = append(early, r)
		return nil
	}
	resp, _ := ask(t, x, req)
	if len(early) != 1 || early[0].Status != 103 || early[0].Reason != "Early Hints" {
		t.Fatalf("informational %+v", early)
	}
	sameFields(t, early[0].Header, fields{{"Link", "</a>"}})
	sameFields(t, resp.Header, fields{{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}})
	sameFields(t, resp.Trailer, fields{{"X-Sum", "abc"}})

	left := errors.New("client left")
	req.Informational = func(*traffic.Response) error { return left }
	if _, err := x.RoundTrip(t.Context(), req); !errors.Is(err, left) {
		t.Errorf("error of the client: %v", err)
	}
}

// arrival is a piece of content and when it came, in milliseconds.
type arrival struct {
	ms   int64
	text string
}

// arrivals reads a response piece by piece.
func arrivals(t *testing.T, x *Index, header fields) []arrival {
	t.Helper()
	began := time.Now()
	resp, err := x.RoundTrip(t.Context(), newRequest(t, "GET", "http://h/", header, ""))
	if err != nil {
		t.Fatal(err)
	}
	came := []arrival{{time.Since(began).Milliseconds(), "head"}}
	b := make([]byte, 1<<10)
	for {
		n, err := resp.Body.Read(b)
		if n > 0 {
			came = append(came, arrival{time.Since(began).Milliseconds(), string(b[:n])})
		}
		if err == io.EOF {
			return came
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPacing(t *testing.T) {
	chunked := fields{{"Transfer-Encoding", "chunked"}}
	stream := answering(200, chunked, streamed("hello"))
	stream.Timings = map[string]any{"wait": 50}
	whole := answering(200, nil, text("hello"))
	whole.Timings = stream.Timings
	length := answering(200, fields{{"Content-Length", "5"}}, streamed("hello"))
	empty, endless := streamed("hello"), streamed("hello")
	empty.Chunks, endless.Chunks = [][2]float64{{100, 0}, {300, 0}}, make([][2]float64, 1030)
	for i := range endless.Chunks {
		endless.Chunks[i] = [2]float64{100, 1 << 53} // in all more than an int64 holds
	}
	for name, c := range map[string]struct {
		line   httpLine
		timing Timing
		want   []arrival
	}{
		"instant":        {stream, Instant, []arrival{{0, "head"}, {0, "hello"}}},
		"recorded":       {stream, Recorded, []arrival{{50, "head"}, {100, "he"}, {300, "llo"}}},
		"2x":             {stream, 2, []arrival{{25, "head"}, {50, "he"}, {150, "llo"}}},
		"0.5x":           {stream, 0.5, []arrival{{100, "head"}, {200, "he"}, {600, "llo"}}},
		"one piece":      {whole, Recorded, []arrival{{50, "head"}, {50, "hello"}}},
		"with a length":  {length, Recorded, []arrival{{0, "head"}, {100, "he"}, {300, "llo"}}},
		"empty pieces":   {answering(200, chunked, empty), Recorded, []arrival{{0, "head"}, {300, "hello"}}},
		"endless pieces": {answering(200, chunked, endless), Recorded, []arrival{{0, "head"}, {100, "hello"}}},
	} {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{Timing: c.timing}, write(t, "off", c.line))
			synctest.Test(t, func(t *testing.T) {
				for range 2 {
					if diff := cmp.Diff(c.want, arrivals(t, x, nil), cmp.AllowUnexported(arrival{})); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

func TestPacingOfCodedContent(t *testing.T) {
	// 100 bytes on the wire were 5 decoded: the pieces are spread over those.
	body := coded("hello", 100)
	body.Chunks = [][2]float64{{100, 40}, {300, 60}}
	x := load(t, Options{Timing: Recorded}, write(t, "off",
		answering(200, fields{{"Transfer-Encoding", "chunked"}, {"Content-Encoding", "gzip"}}, body)))
	synctest.Test(t, func(t *testing.T) {
		want := []arrival{{0, "head"}, {100, "he"}, {300, "llo"}}
		if diff := cmp.Diff(want, arrivals(t, x, fields{{"Accept-Encoding", "br"}}), cmp.AllowUnexported(arrival{})); diff != "" {
			t.Errorf("decoded (-want +got):\n%s", diff)
		}
		var wire string
		var times []int64
		for _, a := range arrivals(t, x, fields{{"Accept-Encoding", "gzip"}})[1:] {
			wire += a.text
			times = append(times, a.ms)
		}
		if got := gunzip(t, wire); got != "hello" {
			t.Errorf("got %q", got)
		}
		if times[0] != 100 || times[len(times)-1] != 300 {
			t.Errorf("encoded pieces came at %v", times)
		}
	})
}

func TestPacingEndsWithTheContext(t *testing.T) {
	line := answering(200, fields{{"Transfer-Encoding", "chunked"}}, streamed("hello"))
	line.Timings = map[string]any{"wait": 50}
	x := load(t, Options{Timing: Recorded}, write(t, "off", line))
	synctest.Test(t, func(t *testing.T) {
		var f *traffic.Failure
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := x.RoundTrip(ctx, newRequest(t, "GET", "http://h/", nil, "")); !errors.As(err, &f) || f.Side != traffic.SideClient {
			t.Errorf("before the head: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		resp, err := x.RoundTrip(ctx, newRequest(t, "GET", "http://h/", nil, ""))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if b, err := io.ReadAll(resp.Body); string(b) != "he" || !errors.As(err, &f) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in the body: %q, %v", b, err)
		}
		if waited := time.Since(began); waited != 150*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache()
	for i := range uint32(1000) {
		c.add(i, &answer{size: maxCachedEntry})
		c.add(i, &answer{size: maxCachedEntry})
	}
	if c.size > maxCached || c.size != int64(c.lru.Len())*maxCachedEntry {
		t.Errorf("%d bytes, %d answers", c.size, c.lru.Len())
	}
	c.add(5000, &answer{size: maxCachedEntry + 1})
	if _, ok := c.get(5000); ok {
		t.Error("a large answer is kept")
	}
	if _, ok := c.get(999); !ok {
		t.Error("the latest answer is not kept")
	}
	if _, ok := c.get(0); ok {
		t.Error("the oldest answer is kept")
	}
}
