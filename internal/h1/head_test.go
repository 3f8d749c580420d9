package h1

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestRequestLines(t *testing.T) {
	tests := []struct {
		name, line string
		status     int // 0 for a good one
		text       string
	}{
		{name: "origin-form", line: "GET / HTTP/1.1"},
		{name: "absolute-form", line: "GET HTTP://a/ HTTP/1.1"},
		{name: "authority-form", line: "CONNECT [::1]:443 HTTP/1.1"},
		{name: "asterisk-form", line: "OPTIONS * HTTP/1.1"},
		{name: "1.0", line: "GET / HTTP/1.0"},
		{name: "method in lower case", line: "get / HTTP/1.1"},
		{name: "odd method", line: "M-SEARCH!#$%&'*+.^_`|~9 * HTTP/1.1"},
		{name: "odd target", line: "GET //a/../%2f|{}?a=1;b=2&c=%zz HTTP/1.1"},
		{name: "bytes over 0x7f in the target", line: "GET /\xff\xc3\xbc HTTP/1.1"},
		{name: "0.9", line: "GET /", status: 400, text: "invalid request line"},
		{name: "0.9 named", line: "GET / HTTP/0.9", status: 505, text: "unsupported version"},
		{name: "1.2", line: "GET / HTTP/1.2", status: 505, text: "unsupported version"},
		{name: "2.0", line: "PRI * HTTP/2.0", status: 505, text: "unsupported version"},
		{name: "no minor version", line: "GET / HTTP/1", status: 400, text: "invalid version"},
		{name: "long version", line: "GET / HTTP/1.10", status: 400, text: "invalid version"},
		{name: "version in lower case", line: "GET / http/1.1", status: 400, text: "invalid version"},
		{name: "another protocol", line: "GET / RTSP/1.0", status: 400, text: "invalid version"},
		{name: "no target", line: "GET  HTTP/1.1", status: 400, text: "invalid request line"},
		{name: "no method", line: " / HTTP/1.1", status: 400, text: "invalid request line"},
		{name: "method alone", line: "GET", status: 400, text: "invalid request line"},
		{name: "invalid method", line: "G(T / HTTP/1.1", status: 400, text: "invalid request line"},
		{name: "method with colon", line: "Host: a b", status: 400, text: "invalid request line"},
		{name: "space in the target", line: "GET /a b HTTP/1.1", status: 400, text: "invalid version"},
		{name: "two spaces before the version", line: "GET /  HTTP/1.1", status: 400, text: "invalid version"},
		{name: "space at the end", line: "GET / HTTP/1.1 ", status: 400, text: "invalid version"},
		{name: "tabs", line: "GET\t/\tHTTP/1.1", status: 400, text: "invalid request line"},
		{name: "tab in the target", line: "GET /\t HTTP/1.1", status: 400, text: "0x09"},
		{name: "NUL in the target", line: "GET /\x00 HTTP/1.1", status: 400, text: "0x00"},
		{name: "DEL in the target", line: "GET /\x7f HTTP/1.1", status: 400, text: "0x7f"},
		{name: "bare CR in the target", line: "GET /\r HTTP/1.1", status: 400, text: "0x0d"},
		{name: "bare CR at the end", line: "GET / HTTP/1.1\r\r", status: 400, text: "invalid version"},
		{name: "space before", line: " GET / HTTP/1.1", status: 400, text: "invalid request line"},
		{name: "TLS hello", line: "\x16\x03\x01\x02", status: 400, text: "invalid request line"},
	}
	for _, test := range tests {
		for _, end := range []string{"\r\n", "\n"} {
			req, err := source(test.line + end + "\r\n").ReadRequest()
			checkRefused(t, test.name, err, test.status, test.text)
			if err != nil {
				continue
			}
			if got := req.Method + " " + req.Target + " " + req.Proto; got != test.line {
				t.Errorf("%s: read as %q", test.name, got)
			}
		}
	}
}

func TestStatusLines(t *testing.T) {
	tests := []struct {
		line   string
		status int // 0 for a bad line
		reason string
		text   string
	}{
		{line: "HTTP/1.1 200 OK", status: 200, reason: "OK"},
		{line: "HTTP/1.0 200 OK", status: 200, reason: "OK"},
		{line: "HTTP/1.1 200 Fine And Dandy", status: 200, reason: "Fine And Dandy"},
		{line: "HTTP/1.1 200 ", status: 200},
		{line: "HTTP/1.1 200", status: 200},
		{line: "HTTP/1.1 200  OK ", status: 200, reason: " OK "},
		{line: "HTTP/1.1 200 \tbl\xf6d", status: 200, reason: "\tbl\xf6d"},
		{line: "HTTP/1.1 100 Continue", status: 100, reason: "Continue"},
		{line: "HTTP/1.1 999 Weird", status: 999, reason: "Weird"},
		{line: "HTTP/1.1 99 Short", text: "invalid status line"},
		{line: "HTTP/1.1 099 Zero", text: "invalid status line"},
		{line: "HTTP/1.1 1000 Long", text: "invalid status line"},
		{line: "HTTP/1.1 -20 Minus", text: "invalid status line"},
		{line: "HTTP/1.1 2x0 Hex", text: "invalid status line"},
		{line: "HTTP/1.1 200OK", text: "invalid status line"},
		{line: "HTTP/1.1 200\tOK", text: "invalid status line"},
		{line: "HTTP/1.1  200 OK", text: "invalid status line"},
		{line: "HTTP/1.1", text: "invalid status line"},
		{line: "", text: "invalid version"},
		{line: " HTTP/1.1 200 OK", text: "invalid version"},
		{line: "HTTP/1.2 200 OK", text: "unsupported version"},
		{line: "HTTP/2.0 200 OK", text: "unsupported version"},
		{line: "http/1.1 200 OK", text: "invalid version"},
		{line: "ICY 200 OK", text: "invalid version"},
		{line: "HTTP/1.1 200 a\x00b", text: "0x00"},
		{line: "HTTP/1.1 200 a\rb", text: "0x0d"},
		{line: "HTTP/1.1 200 a\x1bb", text: "0x1b"},
	}
	for _, test := range tests {
		resp, err := source(test.line + "\r\n\r\n").ReadResponse()
		if test.status == 0 {
			if !IsMalformed(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%q: error %v, want one about %q", test.line, err, test.text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if resp.Status != test.status || resp.Reason != test.reason {
			t.Errorf("%q: read as %d %q", test.line, resp.Status, resp.Reason)
		}
	}
}

// fieldLines are read in a request and in a response. want is names and values
// in turn; where it differs for responses, response says so.
var fieldLines = []struct {
	name, lines string
	want        []string
	bad         string // what requests are refused with
	response    []string
	badResponse string
}{
	{name: "none"},
	{name: "plain", lines: "A: b\r\n", want: []string{"A", "b"}},
	{name: "LF", lines: "A: b\nC: d\n", want: []string{"A", "b", "C", "d"}},
	{name: "no space", lines: "A:b\r\n", want: []string{"A", "b"}},
	{name: "white space around", lines: "A: \t b c \t\r\n", want: []string{"A", "b c"}},
	{name: "empty", lines: "A:\r\nB: \t \r\n", want: []string{"A", "", "B", ""}},
	{name: "colons", lines: "A::b:c\r\n", want: []string{"A", ":b:c"}},
	{name: "duplicates", lines: "x-A: 1\r\nX-a: 2\r\nx-A: 1\r\n", want: []string{"x-A", "1", "X-a", "2", "x-A", "1"}},
	{name: "bytes over 0x7f", lines: "A: \x80\xff\xc3\xbc\r\n", want: []string{"A", "\x80\xff\xc3\xbc"}},
	{name: "tab inside", lines: "A: b\tc\r\n", want: []string{"A", "b\tc"}},
	{name: "odd name", lines: "!#$%&'*+-.^_`|~09azAZ: b\r\n", want: []string{"!#$%&'*+-.^_`|~09azAZ", "b"}},
	{
		name: "space before the colon", lines: "A : b\r\n", bad: "invalid field name",
		response: []string{"A", "b"},
	},
	{
		name: "tab before the colon", lines: "Content-Length\t: 5\r\n", bad: "invalid field name",
		response: []string{"Content-Length", "5"},
	},
	{
		name: "folded", lines: "A: b\r\n c\r\nD: e\r\n", bad: "folded",
		response: []string{"A", "b c", "D", "e"},
	},
	{
		name: "folded twice", lines: "A:\r\n\t b \r\n \t\r\n  c\n", bad: "folded",
		response: []string{"A", "b c"},
	},
	{
		name: "folded to nothing", lines: "A: b\r\n \r\n", bad: "folded",
		response: []string{"A", "b"},
	},
	{
		name: "folded behind a space before the colon", lines: "A : b\r\n c\r\n", bad: "folded",
		response: []string{"A", "b c"},
	},
	{name: "folded before the colon", lines: "A\r\n : b\r\n", bad: "without colon", badResponse: "without colon"},
	{name: "control in a folded line", lines: "A: b\r\n c\x00\r\n", bad: "folded", badResponse: "0x00"},
	{name: "bare CR in a folded line", lines: "A: b\r\n c\r\r\n", bad: "folded", badResponse: "0x0d"},
	{name: "first line folded", lines: " A: b\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "white space line", lines: " \r\n", bad: "without colon", badResponse: "without colon"},
	{name: "no colon", lines: "A b\r\n", bad: "without colon", badResponse: "without colon"},
	{name: "no name", lines: ": b\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "space alone for a name", lines: "A: b\r\nC d: e\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "name with a byte over 0x7f", lines: "\xc3\xbc: b\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "name with NUL", lines: "A\x00: b\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "name in quotes", lines: "\"A\": b\r\n", bad: "invalid field name", badResponse: "invalid field name"},
	{name: "bare CR in the value", lines: "A: b\rC: d\r\n", bad: "0x0d", badResponse: "0x0d"},
	{name: "bare CR at the end", lines: "A: b\r\r\n", bad: "0x0d", badResponse: "0x0d"},
	{name: "bare CR for a line", lines: "A: b\r\n\r\r\n", bad: "without colon", badResponse: "without colon"},
	{name: "NUL", lines: "A: b\x00\r\n", bad: "0x00", badResponse: "0x00"},
	{name: "escape", lines: "A: \x1b[0m\r\n", bad: "0x1b", badResponse: "0x1b"},
	{name: "DEL", lines: "A: \x7f\r\n", bad: "0x7f", badResponse: "0x7f"},
	{name: "vertical tab", lines: "A: b\x0b\r\n", bad: "0x0b", badResponse: "0x0b"},
}

func TestFieldLinesOfRequests(t *testing.T) {
	for _, test := range fieldLines {
		splits("GET / HTTP/1.1\r\n"+test.lines+"\r\n", func(src io.Reader) {
			req, err := NewReader(src, Limits{}).ReadRequest()
			if test.bad != "" {
				checkRefused(t, test.name, err, 400, test.bad)
				return
			}
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				return
			}
			if diff := cmp.Diff(test.want, pairs(req.Header)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		})
	}
}

func TestFieldLinesOfResponses(t *testing.T) {
	for _, test := range fieldLines {
		want := test.want
		if test.response != nil {
			want = test.response
		}
		splits("HTTP/1.1 200 OK\r\n"+test.lines+"\r\n", func(src io.Reader) {
			resp, err := NewReader(src, Limits{}).ReadResponse()
			if test.badResponse != "" {
				checkRefused(t, test.name, err, 400, test.badResponse)
				return
			}
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				return
			}
			if diff := cmp.Diff(want, pairs(resp.Header)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		})
	}
}

func TestEveryByteOfAValueIsLookedAt(t *testing.T) {
	for c := range 256 {
		invalid := c < ' ' && c != '\t' || c == 0x7f
		for length := 1; length <= 24; length++ {
			for i := range length {
				want := -1
				if invalid {
					want = i
				}
				for _, around := range []string{"x", "\xff", " ", "\x80"} {
					value := strings.Repeat(around, i) + string([]byte{byte(c)}) + strings.Repeat(around, length-i-1)
					if got := invalidValueByte(value); got != want {
						t.Fatalf("byte 0x%02x at %d of %d among %q: found at %d", c, i, length, around, got)
					}
				}
			}
		}
	}
}

func TestEmptyLinesBeforeRequests(t *testing.T) {
	tests := []struct {
		name, before string
		bad          bool
	}{
		{"CRLF", "\r\n", false},
		{"LF", "\n", false},
		{"mixed", "\r\n\n\r\n", false},
		{"as many as allowed", strings.Repeat("\r\n", maxBlankLines), false},
		{"too many", strings.Repeat("\r\n", maxBlankLines+1), true},
		{"bare CR", "\r", true},
		{"white space", " \r\n", true},
	}
	for _, test := range tests {
		splits(test.before+"GET / HTTP/1.1\r\n\r\n", func(src io.Reader) {
			_, err := NewReader(src, Limits{}).ReadRequest()
			if IsMalformed(err) != test.bad || !test.bad && err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		})
	}
}

func TestConnectionsThatEndInHeads(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nA: b\r\n\r\n"
	for i := range len(head) {
		want := ErrTruncated
		if i == 0 {
			want = io.EOF
		}
		if _, err := source(head[:i]).ReadRequest(); !errors.Is(err, want) {
			t.Errorf("after %d bytes of a request: %v, want %v", i, err, want)
		}
		if _, err := source(head[:i]).ReadResponse(); !errors.Is(err, want) {
			t.Errorf("after %d bytes of a response: %v, want %v", i, err, want)
		}
	}
	if _, err := source("\r\n\r\n").ReadRequest(); !errors.Is(err, io.EOF) {
		t.Errorf("after empty lines: %v, want io.EOF", err)
	}
	for _, before := range []string{"", "\r", "GET"} {
		broken := io.MultiReader(strings.NewReader(before), iotest.ErrReader(io.ErrClosedPipe))
		if _, err := NewReader(broken, Limits{}).ReadRequest(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("source that fails after %q: %v", before, err)
		}
	}
}

func TestRefusedHeadsStayBuffered(t *testing.T) {
	const request, response = "GET / HTTP/1.1\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n"
	r := source("\r\n" + request)
	if _, err := r.ReadRequest(); err == nil || string(r.Buffered()) != request {
		t.Errorf("%v, and %q is buffered", err, r.Buffered())
	}
	r = source(response)
	if _, err := r.ReadResponse(); err == nil || string(r.Buffered()) != response {
		t.Errorf("%v, and %q is buffered", err, r.Buffered())
	}
}

func TestHasHead(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"", false},
		{"\r\n\r\n", false},
		{"\r\n\r\nGET / HTTP/1.1\r\n", false},
		{"GET / HTTP/1.1\r\nA: b\r\n", false},
		{"GET / HTTP/1.1\r\nA: b\r\n\r\n", true},
		{"\r\nGET / HTTP/1.1\r\n\r\nrest", true},
		{"GET / HTTP/1.1\n\n", true},
	}
	for _, test := range tests {
		if got := HasHead([]byte(test.text)); got != test.want {
			t.Errorf("%q: %v", test.text, got)
		}
	}
}

func TestPipelinedRequestsStayInTheBuffer(t *testing.T) {
	r := source("POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\nrest")
	for _, target := range []string{"/1", "/2", "/3"} {
		req, err := r.ReadRequest()
		if err != nil || req.Target != target {
			t.Fatalf("%v, %v; want %s", req, err, target)
		}
		framing, err := RequestFraming(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := relay(r.Body(framing), ""); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := io.ReadAll(r); string(rest) != "rest" || err != nil {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

// More pipelined requests than the buffer holds: they move to its front.
func TestManyPipelinedRequests(t *testing.T) {
	const count = 100
	var wire strings.Builder
	for i := range count {
		fmt.Fprintf(&wire, "GET /%d HTTP/1.1\r\nA: %s\r\n\r\n", i, strings.Repeat("x", 10*i))
	}
	r := source(wire.String())
	for i := range count {
		req, err := r.ReadRequest()
		if err != nil || req.Target != fmt.Sprintf("/%d", i) || len(req.Header.Get("A")) != 10*i {
			t.Fatalf("request %d is %+v, %v", i, req, err)
		}
	}
	if _, err := r.ReadRequest(); err != io.EOF {
		t.Errorf("%v, want io.EOF", err)
	}
	if len(r.buf) != smallBuffer {
		t.Errorf("the buffer grew to %d bytes", len(r.buf))
	}
}
