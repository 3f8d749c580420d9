package h1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// The targets of this file hold this package against net/http: what both
// accept they must read as the same, or two programs in a row see different
// messages. It is no fault to accept less; see TestStricterThanNetHTTP.

func FuzzRequestVsNetHTTP(f *testing.F) {
	for _, head := range oddRequests {
		f.Add(head)
	}
	for _, test := range framingFields {
		f.Add("POST /a?b HTTP/1.1\r\nHost: a\r\n" + test.lines + "\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n")
	}
	for _, test := range chunkedStreams {
		f.Add("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + test.wire)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		r := source(wire)
		ours, err := r.ReadRequest()
		if err != nil {
			return
		}
		framing, err := RequestFraming(ours)
		if err != nil || ours.Method == "CONNECT" {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimLeft(wire, "\r\n"))))
		if err != nil {
			return
		}
		if theirs.Method != ours.Method || theirs.RequestURI != ours.Target || theirs.Proto != ours.Proto {
			t.Errorf("net/http reads %s %q %s, we %s %q %s",
				theirs.Method, theirs.RequestURI, theirs.Proto, ours.Method, ours.Target, ours.Proto)
		}
		compareHeaders(t, theirs.Header, ours.Header, "Host")
		if framing.Kind == ByLength && theirs.ContentLength != framing.Length ||
			(framing.Kind == Chunked) != (len(theirs.TransferEncoding) > 0) {
			t.Fatalf("net/http has length %d and %q, we %+v", theirs.ContentLength, theirs.TransferEncoding, framing)
		}
		compareBodies(t, theirs.Body, r.Body(framing), func() http.Header { return theirs.Trailer })
	})
}

func FuzzResponseVsNetHTTP(f *testing.F) {
	for _, head := range oddResponses {
		f.Add(head+"hello", true)
	}
	for _, test := range framingFields {
		f.Add("HTTP/1.1 200 OK\r\n"+test.lines+"\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", false)
		f.Add("HTTP/1.0 204 OK\r\n"+test.lines+"\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", true)
	}
	for _, test := range fieldLines {
		f.Add("HTTP/1.1 200 OK\r\n"+test.lines+"\r\nhello", false)
	}
	f.Fuzz(func(t *testing.T, wire string, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		r := source(wire)
		ours, err := r.ReadResponse()
		if err != nil {
			return
		}
		framing, err := ResponseFraming(ours, method)
		if err != nil {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(strings.NewReader(wire)), &http.Request{Method: method})
		if err != nil {
			return
		}
		status := strings.TrimLeft(fmt.Sprintf("%d %s", ours.Status, ours.Reason), " ")
		if theirs.StatusCode != ours.Status || strings.TrimRight(theirs.Status, " ") != strings.TrimRight(status, " ") || theirs.Proto != ours.Proto {
			t.Errorf("net/http reads %s %q, we %s %q", theirs.Proto, theirs.Status, ours.Proto, status)
		}
		for name := range theirs.Header {
			if strings.HasSuffix(name, " ") || strings.HasSuffix(name, "\t") {
				return // net/http leaves the white space in the name, we repair it
			}
		}
		compareHeaders(t, theirs.Header, ours.Header)
		compareBodies(t, theirs.Body, r.Body(framing), func() http.Header { return theirs.Trailer })
	})
}

// compareHeaders holds a header of net/http against ours. It has taken the
// fields that frame a message, and those named, out of its own.
func compareHeaders(t *testing.T, theirs http.Header, ours traffic.Fields, taken ...string) {
	t.Helper()
	taken = append(taken, "Transfer-Encoding", "Content-Length", "Trailer")
	want := headerLines(theirs, taken)
	got := make(http.Header)
	for _, f := range ours {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		got[name] = append(got[name], f.Value)
	}
	if got := headerLines(got, taken); !slices.Equal(got, want) {
		t.Errorf("net/http reads %q, we %q", want, got)
	}
}

// headerLines returns a header as sorted lines, which keep the order among
// fields of one name. White space inside values is evened out: there are two
// ways to join folded lines.
func headerLines(header http.Header, without []string) []string {
	var lines []string
	for name, values := range header {
		if slices.Contains(without, name) {
			continue
		}
		for i, value := range values {
			lines = append(lines, fmt.Sprintf("%s %d: %q", name, i, strings.Fields(value)))
		}
	}
	slices.Sort(lines)
	return lines
}

// compareBodies reads both to their ends. A body that only net/http accepts is
// no fault, but what we read of it must be the start of what it read.
func compareBodies(t *testing.T, theirs io.Reader, ours *Body, trailer func() http.Header) {
	t.Helper()
	got, err := io.ReadAll(ours)
	want, errWant := io.ReadAll(theirs)
	if err != nil || errWant != nil {
		if !bytes.HasPrefix(got, want) && !bytes.HasPrefix(want, got) {
			t.Errorf("net/http reads %q, %v, we %q, %v", want, errWant, got, err)
		}
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("net/http reads %q, we %q", want, got)
	}
	compareHeaders(t, trailer(), ours.Trailer)
}

// What net/http accepts and we do not, and why.
func TestStricterThanNetHTTP(t *testing.T) {
	tests := []struct{ name, wire, why string }{
		{
			"CL and TE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"the next parser may prefer the other one",
		},
		{
			"equal lengths twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
			"we would have to relay both",
		},
		{
			"leading zero in a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n0123456789",
			"octal to some",
		},
		{
			"odd case of chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cHuNkEd\r\n\r\n0\r\n\r\n",
			"only seen in attacks",
		},
		{
			"folded field", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
			"RFC 9112 section 5.2",
		},
		{
			"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
			"we would relay a version that nobody defined",
		},
		{
			"Host in a trailer section", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
			"a field that routes must not come late, RFC 9110 section 6.5.1",
		},
	}
	for _, test := range tests {
		theirs, err := http.ReadRequest(bufio.NewReader(strings.NewReader(test.wire)))
		if err == nil {
			_, err = io.Copy(io.Discard, theirs.Body)
		}
		if err != nil {
			t.Errorf("%s: net/http refuses it too: %v", test.name, err)
		}
		r := source(test.wire)
		req, err := r.ReadRequest()
		if err == nil {
			var framing Framing
			if framing, err = RequestFraming(req); err == nil {
				_, err = io.Copy(io.Discard, r.Body(framing))
			}
		}
		if !IsMalformed(err) {
			t.Errorf("%s: %v, want it refused: %s", test.name, err, test.why)
		}
	}
}
