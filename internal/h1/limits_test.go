package h1

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLimitsOfHeads(t *testing.T) {
	small := Limits{StartLine: 40, Field: 30, Head: 100, Fields: 4}
	line := func(n int) string {
		return "GET /" + strings.Repeat("x", n-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	field := func(n int) string { return "A:" + strings.Repeat("x", n-len("A:\r\n")) + "\r\n" }
	tests := []struct {
		name, head string
		status     int // 0 for a good one
		text       string
	}{
		{name: "start line at its limit", head: line(40) + "\r\n"},
		{name: "start line over it", head: line(41) + "\r\n", status: 414, text: "start line longer than 40"},
		{name: "field at its limit", head: line(20) + field(30) + field(30) + "\r\n"},
		{name: "field over it", head: line(20) + field(31) + "\r\n", status: 431, text: "field line longer than 30"},
		{name: "head at its limit", head: line(40) + field(30) + field(28) + "\r\n"},
		{name: "head over it", head: line(40) + field(30) + field(29) + "\r\n", status: 431, text: "head longer than 100"},
		{name: "as many fields as allowed", head: line(20) + strings.Repeat(field(5), 4) + "\r\n"},
		{name: "one field more", head: line(20) + strings.Repeat(field(5), 5) + "\r\n", status: 431, text: "more than 4 fields"},
		{name: "start line without end", head: "GET /" + strings.Repeat("x", 200), status: 414, text: "start line"},
		{name: "field without end", head: line(20) + strings.Repeat("x", 200), status: 431, text: "field line"},
	}
	for _, test := range tests {
		splits(test.head, func(src io.Reader) {
			_, err := NewReader(src, small).ReadRequest()
			checkRefused(t, test.name, err, test.status, test.text)
		})
		if test.head = "HTTP/1.1 200 OK\r\n\r\n"; test.status == 0 {
			_, err := NewReader(strings.NewReader(test.head), small).ReadResponse()
			checkRefused(t, test.name, err, 0, "")
		}
	}
}

func TestDefaultLimits(t *testing.T) {
	const start = "GET / HTTP/1.1\r\n"
	fill := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, head string
		status     int
	}{
		{"a URL of 64 KiB", "GET /" + fill(64<<10) + " HTTP/1.1\r\n\r\n", 0},
		{"a field of 256 KiB", start + "A:" + fill(256<<10-4) + "\r\n\r\n", 0},
		{"a longer field", start + "A:" + fill(256<<10-3) + "\r\n\r\n", 431},
		{"1000 fields", start + strings.Repeat("A: b\r\n", 1000) + "\r\n", 0},
		{"1001 fields", start + strings.Repeat("A: b\r\n", 1001) + "\r\n", 431},
		{"a head of more than 1 MiB", start + strings.Repeat("A:"+fill(100<<10)+"\r\n", 11) + "\r\n", 431},
		{"a start line that never ends", fill(1 << 20), 414},
	}
	for _, test := range tests {
		_, err := source(test.head).ReadRequest()
		checkRefused(t, test.name, err, test.status, "")
	}
}

// endless delivers the same byte for ever and counts.
type endless struct {
	b byte
	n int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.b
	}
	e.n += len(p)
	return len(p), nil
}

func TestEndlessHeadsAreCutOff(t *testing.T) {
	for _, start := range []string{"", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: "} {
		src := &endless{b: 'x'}
		_, err := NewReader(io.MultiReader(strings.NewReader(start), src), Limits{}).ReadRequest()
		if !IsMalformed(err) || src.n > 2<<20 {
			t.Errorf("behind %q: %v after %d bytes", start, err, src.n)
		}
	}
	src := &endless{b: '\n'}
	if _, err := NewReader(src, Limits{}).ReadRequest(); !IsMalformed(err) || src.n > smallBuffer {
		t.Errorf("endless empty lines: %v after %d bytes", err, src.n)
	}
}

// A head that comes byte by byte must cost what it costs whole, not its square.
func TestSlowHeadsAreSearchedOnce(t *testing.T) {
	head := []byte("GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 250<<10) + "\r\n\r\n")
	limits := Limits{}.withDefaults()
	var scan headScan
	for i := range head {
		end, err := scan.next(head[:i+1], &limits)
		if err != nil || end > 0 && end != len(head) {
			t.Fatal(end, err)
		}
		if scan.seen != i+1 {
			t.Fatalf("%d of %d bytes count as searched", scan.seen, i+1)
		}
	}
	if _, err := NewReader(iotest.OneByteReader(bytes.NewReader(head)), Limits{}).ReadRequest(); err != nil {
		t.Error(err)
	}
}

// Joining folded lines must not copy the value for each of them.
func TestFoldedFieldsCostWhatTheyAreLong(t *testing.T) {
	lines := "HTTP/1.1 200 OK\r\nA: b\r\n" + strings.Repeat(" "+strings.Repeat("x", 1000)+"\r\n", 990) + "\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := source(lines).ReadResponse()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 20<<20 {
		t.Errorf("a head of %d bytes took %d bytes of memory", len(lines), allocated)
	}
}

func TestReaderGivesMemoryBack(t *testing.T) {
	big := "POST / HTTP/1.1\r\nA: " + strings.Repeat("x", 200<<10) + "\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("y", 300000)
	sources := []struct {
		name string
		read func(*Body) error
	}{
		{"relayed", func(b *Body) error { return b.Relay(io.Discard, nil) }},
		{"read", func(b *Body) error { _, err := io.ReadFull(b, make([]byte, 300000)); return err }},
	}
	for _, test := range sources {
		r := source(big + "GET")
		req, err := r.ReadRequest()
		if err != nil {
			t.Fatal(err)
		}
		framing, err := RequestFraming(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.read(r.Body(framing)); err != nil {
			t.Fatal(err)
		}
		if len(r.buf) != smallBuffer || r.loan != nil {
			t.Errorf("%s: the buffer holds %d bytes", test.name, len(r.buf))
		}
		if !bytes.Equal(r.Buffered(), []byte("GET")) && len(r.Buffered()) != 0 {
			t.Errorf("%s: %q is buffered", test.name, r.Buffered())
		}
		if rest, err := io.ReadAll(r); string(rest) != "GET" || err != nil {
			t.Errorf("%s: the rest is %q, %v", test.name, rest, err)
		}
	}
}

func TestReleaseForgetsTheBuffer(t *testing.T) {
	r := source(strings.Repeat("x", 20<<10))
	for len(r.Buffered()) < 10<<10 {
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
	}
	r.Release()
	if len(r.buf) != smallBuffer || r.loan != nil || len(r.Buffered()) != 0 {
		t.Errorf("%d bytes of buffer, %d buffered", len(r.buf), len(r.Buffered()))
	}
}

// trickle delivers one byte each time and never ends.
type trickle struct{}

func (trickle) Read(p []byte) (int, error) {
	p[0] = 'x'
	return 1, nil
}

// stopAfter fails after n writes.
type stopAfter struct{ n int }

func (s *stopAfter) Write(p []byte) (int, error) {
	if s.n--; s.n < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestBuffersFitTheSpeedOfAStream(t *testing.T) {
	for name, test := range map[string]struct {
		source io.Reader
		writes int
		want   int
	}{
		"a trickle":               {trickle{}, 100, smallBuffer},
		"faster than its buffer":  {&endless{b: 'x'}, 2, largeBuffer},
		"faster than that buffer": {&endless{b: 'x'}, 100, bulkBuffer},
	} {
		r := NewReader(test.source, Limits{})
		_ = r.Body(Framing{Kind: UntilClose}).Relay(&stopAfter{n: test.writes - 1}, nil)
		if len(r.buf) != test.want {
			t.Errorf("%s: the buffer holds %d bytes, want %d", name, len(r.buf), test.want)
		}
	}
}
