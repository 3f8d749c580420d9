package h1

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// framingFields are the fields that frame a message, and how.
var framingFields = []struct {
	name, lines string
	want        Framing // without a length, NoBody stands for what the direction does then
	bad         string
}{
	{name: "neither"},
	{name: "length", lines: "Content-Length: 5\r\n", want: Framing{Kind: ByLength, Length: 5}},
	{name: "no content", lines: "Content-Length: 0\r\n", want: Framing{Kind: ByLength}},
	{name: "odd case", lines: "cOnTeNt-LeNgTh:\t5 \r\n", want: Framing{Kind: ByLength, Length: 5}},
	{name: "longest", lines: "Content-Length: 9223372036854775807\r\n", want: Framing{Kind: ByLength, Length: math.MaxInt64}},
	{name: "chunked", lines: "Transfer-Encoding: chunked\r\n", want: Framing{Kind: Chunked}},
	{name: "Chunked", lines: "transfer-encoding:\tChunked\r\n", want: Framing{Kind: Chunked}},
	{name: "names alike", lines: "Content_Length: 5\r\nContent-Lengths: 5\r\nX-Transfer-Encoding: chunked\r\n"},

	{name: "both", lines: "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", bad: "more than one"},
	{name: "both, the other way round", lines: "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", bad: "more than one"},
	{name: "both with no content", lines: "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", bad: "more than one"},
	{name: "equal lengths", lines: "Content-Length: 5\r\nContent-Length: 5\r\n", bad: "more than one"},
	{name: "different lengths", lines: "Content-Length: 5\r\nA: b\r\ncontent-length: 6\r\n", bad: "more than one"},
	{name: "two codings in two fields", lines: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", bad: "more than one"},

	{name: "list of lengths", lines: "Content-Length: 5, 5\r\n", bad: "invalid Content-Length"},
	{name: "plus", lines: "Content-Length: +5\r\n", bad: "invalid Content-Length"},
	{name: "minus", lines: "Content-Length: -5\r\n", bad: "invalid Content-Length"},
	{name: "hex", lines: "Content-Length: 0x5\r\n", bad: "invalid Content-Length"},
	{name: "hex digits", lines: "Content-Length: a\r\n", bad: "invalid Content-Length"},
	{name: "leading zero", lines: "Content-Length: 05\r\n", bad: "invalid Content-Length"},
	{name: "two zeros", lines: "Content-Length: 00\r\n", bad: "invalid Content-Length"},
	{name: "fraction", lines: "Content-Length: 5.0\r\n", bad: "invalid Content-Length"},
	{name: "space inside", lines: "Content-Length: 5 5\r\n", bad: "invalid Content-Length"},
	{name: "empty length", lines: "Content-Length:\r\n", bad: "invalid Content-Length"},
	{name: "underscore", lines: "Content-Length: 5_0\r\n", bad: "invalid Content-Length"},
	{name: "other digits", lines: "Content-Length: \xd9\xa5\r\n", bad: "invalid Content-Length"},
	{name: "2^63", lines: "Content-Length: 9223372036854775808\r\n", bad: "too large"},
	{name: "2^64", lines: "Content-Length: 18446744073709551616\r\n", bad: "too large"},
	{name: "40 digits", lines: "Content-Length: 1000000000000000000000000000000000000000\r\n", bad: "too large"},

	{name: "chunKed", lines: "Transfer-Encoding: chunKed\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "CHUNKED", lines: "Transfer-Encoding: CHUNKED\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "identity", lines: "Transfer-Encoding: identity\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "unknown coding", lines: "Transfer-Encoding: x\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "gzip, chunked", lines: "Transfer-Encoding: gzip, chunked\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "chunked, gzip", lines: "Transfer-Encoding: chunked, gzip\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "chunked twice", lines: "Transfer-Encoding: chunked, chunked\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "empty element", lines: "Transfer-Encoding: ,chunked\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "parameter", lines: "Transfer-Encoding: chunked;a=b\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "quoted", lines: "Transfer-Encoding: \"chunked\"\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "empty coding", lines: "Transfer-Encoding:\r\n", bad: "unsupported Transfer-Encoding"},
	{name: "byte over 0x7f", lines: "Transfer-Encoding: chunked\xa0\r\n", bad: "unsupported Transfer-Encoding"},
}

func TestRequestFraming(t *testing.T) {
	for _, test := range framingFields {
		req, err := source("POST / HTTP/1.1\r\n" + test.lines + "\r\n").ReadRequest()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, err := RequestFraming(req)
		if test.bad != "" {
			checkRefused(t, test.name, err, 400, test.bad)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestResponseFraming(t *testing.T) {
	for _, test := range framingFields {
		resp, err := source("HTTP/1.1 200 OK\r\n" + test.lines + "\r\n").ReadResponse()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, err := ResponseFraming(resp, "GET")
		if test.bad != "" {
			checkRefused(t, test.name, err, 400, test.bad)
			continue
		}
		if test.want.Kind == NoBody {
			test.want.Kind = UntilClose
		}
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestFramingOfOldRequests(t *testing.T) {
	tests := []struct {
		name, lines string
		want        Framing
		bad         string
	}{
		{name: "neither"},
		{name: "length", lines: "Content-Length: 5\r\n", want: Framing{Kind: ByLength, Length: 5}},
		{name: "chunked", lines: "Transfer-Encoding: chunked\r\n", bad: "Transfer-Encoding in HTTP/1.0"},
	}
	for _, test := range tests {
		req, err := source("POST / HTTP/1.0\r\n" + test.lines + "\r\n").ReadRequest()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, err := RequestFraming(req)
		if test.bad != "" {
			checkRefused(t, test.name, err, 400, test.bad)
			continue
		}
		if got != test.want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

// What follows a CONNECT head is the tunnel to one server and a body to
// another.
func TestFramingOfConnectRequests(t *testing.T) {
	tests := []struct {
		name, lines, bad string
	}{
		{name: "neither"},
		{name: "no content", lines: "Content-Length: 0\r\n"},
		{name: "length", lines: "Content-Length: 5\r\n", bad: "CONNECT with a body"},
		{name: "chunked", lines: "Transfer-Encoding: chunked\r\n", bad: "CONNECT with a body"},
	}
	for _, test := range tests {
		req, err := source("CONNECT a:1 HTTP/1.1\r\n" + test.lines + "\r\n").ReadRequest()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		framing, err := RequestFraming(req)
		status := 0
		if test.bad != "" {
			status = 400
		}
		checkRefused(t, test.name, err, status, test.bad)
		if framing.BodyLength() != 0 {
			t.Errorf("%s: a body of %d bytes", test.name, framing.BodyLength())
		}
	}
}

func TestFramingByMethodAndStatus(t *testing.T) {
	const length, chunked, both = "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
	tests := []struct {
		method, status, lines string
		want                  Framing
		bad                   string
	}{
		{method: "HEAD", status: "200", lines: length},
		{method: "HEAD", status: "200", lines: chunked},
		{method: "HEAD", status: "200", lines: both},
		{method: "HEAD", status: "200", lines: "Content-Length: x\r\n"},
		{method: "HEAD", status: "404"},
		{method: "head", status: "200", lines: length, want: Framing{Kind: ByLength, Length: 5}},
		{method: "GET", status: "304", lines: length},
		{method: "GET", status: "304", lines: chunked},
		{method: "GET", status: "304"},
		{method: "GET", status: "204"},
		{method: "GET", status: "204", lines: length},
		{method: "GET", status: "204", lines: chunked, bad: "Transfer-Encoding in a 204"},
		{method: "HEAD", status: "204", lines: chunked, bad: "Transfer-Encoding in a 204"},
		{method: "GET", status: "205", lines: length, want: Framing{Kind: ByLength, Length: 5}},
		{method: "GET", status: "100"},
		{method: "GET", status: "103", lines: length},
		{method: "GET", status: "101", lines: chunked, bad: "Transfer-Encoding in a 101"},
		{method: "CONNECT", status: "200"},
		{method: "CONNECT", status: "200", lines: length},
		{method: "CONNECT", status: "299", lines: both},
		{method: "CONNECT", status: "300", lines: length, want: Framing{Kind: ByLength, Length: 5}},
		{method: "CONNECT", status: "407", lines: chunked, want: Framing{Kind: Chunked}},
		{method: "CONNECT", status: "502", want: Framing{Kind: UntilClose}},
		{method: "GET", status: "999", want: Framing{Kind: UntilClose}},
	}
	for _, test := range tests {
		name := test.method + " " + test.status + " " + test.lines
		resp, err := source("HTTP/1.1 " + test.status + " x\r\n" + test.lines + "\r\n").ReadResponse()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ResponseFraming(resp, test.method)
		if test.bad != "" {
			checkRefused(t, name, err, 400, test.bad)
			continue
		}
		if got != test.want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, test.want)
		}
	}
}

// A length that a lax parser finds in a response and a strict one does not.
func TestFramingFieldsThatNeedRepair(t *testing.T) {
	tests := []struct {
		lines string
		want  Framing
		bad   string
	}{
		{lines: "Content-Length : 5\r\n", want: Framing{Kind: ByLength, Length: 5}},
		{lines: "Content-Length:\r\n 5\r\n", want: Framing{Kind: ByLength, Length: 5}},
		{lines: "Content-Length: 5\r\n 5\r\n", bad: "invalid Content-Length"},
		{lines: "Transfer-Encoding: chunked\r\n , identity\r\n", bad: "unsupported Transfer-Encoding"},
		{lines: "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", bad: "more than one"},
	}
	for _, test := range tests {
		resp, err := source("HTTP/1.1 200 OK\r\n" + test.lines + "\r\n").ReadResponse()
		if err != nil {
			t.Fatalf("%q: %v", test.lines, err)
		}
		got, err := ResponseFraming(resp, "GET")
		if test.bad != "" {
			checkRefused(t, test.lines, err, 400, test.bad)
			continue
		}
		if got != test.want || err != nil {
			t.Errorf("%q: %+v, %v; want %+v", test.lines, got, err, test.want)
		}
	}
}

func TestBodyLength(t *testing.T) {
	for framing, want := range map[Framing]int64{
		{}:                          0,
		{Kind: ByLength}:            0,
		{Kind: ByLength, Length: 7}: 7,
		{Kind: Chunked}:             -1,
		{Kind: UntilClose}:          -1,
	} {
		if got := framing.BodyLength(); got != want {
			t.Errorf("%+v: %d, want %d", framing, got, want)
		}
	}
}

func TestCheckHost(t *testing.T) {
	tests := []struct {
		name, proto string
		hosts       []string
		bad         string
	}{
		{name: "host", proto: "HTTP/1.1", hosts: []string{"a"}},
		{name: "host and port", proto: "HTTP/1.1", hosts: []string{"a.example:8080"}},
		{name: "empty port", proto: "HTTP/1.1", hosts: []string{"a:"}},
		{name: "IPv6", proto: "HTTP/1.1", hosts: []string{"[::1]:80"}},
		{name: "empty", proto: "HTTP/1.1", hosts: []string{""}},
		{name: "none in 1.0", proto: "HTTP/1.0"},
		{name: "one in 1.0", proto: "HTTP/1.0", hosts: []string{"a"}},
		{name: "none", proto: "HTTP/1.1", bad: "no Host field"},
		{name: "two", proto: "HTTP/1.1", hosts: []string{"a", "b"}, bad: "more than one Host field"},
		{name: "two equal", proto: "HTTP/1.1", hosts: []string{"a", "a"}, bad: "more than one Host field"},
		{name: "two in 1.0", proto: "HTTP/1.0", hosts: []string{"a", "b"}, bad: "more than one Host field"},
		{name: "two, one of them empty", proto: "HTTP/1.1", hosts: []string{"", "a"}, bad: "more than one Host field"},
		{name: "list", proto: "HTTP/1.1", hosts: []string{"a, b"}, bad: "invalid Host"},
		{name: "user", proto: "HTTP/1.1", hosts: []string{"u@a"}, bad: "invalid Host"},
		{name: "path", proto: "HTTP/1.1", hosts: []string{"a/b"}, bad: "invalid Host"},
		{name: "query", proto: "HTTP/1.1", hosts: []string{"a?b"}, bad: "invalid Host"},
		{name: "URL", proto: "HTTP/1.1", hosts: []string{"http://a"}, bad: "invalid Host"},
		{name: "bare IPv6", proto: "HTTP/1.1", hosts: []string{"::1"}, bad: "invalid Host"},
		{name: "bad port", proto: "HTTP/1.1", hosts: []string{"a:b"}, bad: "invalid Host"},
		{name: "port alone", proto: "HTTP/1.1", hosts: []string{":80"}, bad: "invalid Host"},
		{name: "bad in 1.0", proto: "HTTP/1.0", hosts: []string{"a b"}, bad: "invalid Host"},
	}
	for _, test := range tests {
		req := &traffic.Request{Proto: test.proto}
		for _, host := range test.hosts {
			req.Header.Add("hOST", host)
		}
		status := 0
		if test.bad != "" {
			status = 400
		}
		checkRefused(t, test.name, CheckHost(req), status, test.bad)
	}
}
