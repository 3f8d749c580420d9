package h1

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/necto-dev/necto/traffic"
)

func FuzzReadRequest(f *testing.F) {
	for _, head := range oddRequests {
		f.Add(head)
	}
	for _, test := range fieldLines {
		f.Add("GET / HTTP/1.1\r\n" + test.lines + "\r\n")
	}
	f.Fuzz(func(t *testing.T, wire string) {
		r := source(wire)
		req, err := r.ReadRequest()
		rest, _ := io.ReadAll(r)
		again, errAgain := NewReader(iotest.OneByteReader(strings.NewReader(wire)), Limits{}).ReadRequest()
		if !sameError(err, errAgain) {
			t.Fatalf("whole: %v, byte by byte: %v", err, errAgain)
		}
		if err != nil {
			if req != nil {
				t.Errorf("a request beside the error %v", err)
			}
			return
		}
		checkSameHead(t, again.Header, req.Header)
		_, _ = RequestFraming(req)
		_ = CheckHost(req)

		req.Header = req.Header.Without("Proxy-Authorization", "Proxy-Connection", "Proxy-Authenticate")
		written := AppendRequest(nil, req, req.Target)
		again, err = source(string(written)).ReadRequest()
		if err != nil || again.Method != req.Method || again.Target != req.Target || again.Proto != req.Proto {
			t.Fatalf("written as %q, which is %+v, %v", written, again, err)
		}
		checkSameHead(t, again.Header, req.Header)
		// The line ends of the request line and of the empty line may grow.
		if head := len(wire) - len(rest); len(written) > head+2 {
			t.Errorf("a head of %d bytes became one of %d", head, len(written))
		}
	})
}

func FuzzReadResponse(f *testing.F) {
	for _, head := range oddResponses {
		f.Add(head)
	}
	for _, test := range fieldLines {
		f.Add("HTTP/1.1 200 OK\r\n" + test.lines + "\r\n")
	}
	f.Fuzz(func(t *testing.T, wire string) {
		resp, err := source(wire).ReadResponse()
		again, errAgain := NewReader(iotest.OneByteReader(strings.NewReader(wire)), Limits{}).ReadResponse()
		if !sameError(err, errAgain) {
			t.Fatalf("whole: %v, byte by byte: %v", err, errAgain)
		}
		if err != nil {
			return
		}
		checkSameHead(t, again.Header, resp.Header)
		for _, method := range []string{"GET", "HEAD", "CONNECT"} {
			_, _ = ResponseFraming(resp, method)
		}

		resp.Header = resp.Header.Without("Proxy-Authorization", "Proxy-Connection", "Proxy-Authenticate")
		written := AppendResponse(nil, resp)
		again, err = source(string(written)).ReadResponse()
		if err != nil || again.Status != resp.Status || again.Reason != resp.Reason || again.Proto != resp.Proto {
			t.Fatalf("written as %q, which is %+v, %v", written, again, err)
		}
		checkSameHead(t, again.Header, resp.Header)
	})
}

// FuzzChunked holds every way to take in a chunked body against each other.
func FuzzChunked(f *testing.F) {
	for _, test := range chunkedStreams {
		f.Add(test.wire, 3)
	}
	f.Fuzz(func(t *testing.T, wire string, at int) {
		at = max(0, min(at, len(wire)))
		whole := chunkedBody(strings.NewReader(wire))
		out, seen, err := relay(whole, "")
		if !strings.HasPrefix(wire, out) || len(seen) > len(out) {
			t.Fatalf("%q was relayed as %q with %q in it", wire, out, seen)
		}
		for name, src := range map[string]io.Reader{
			"byte by byte": iotest.OneByteReader(strings.NewReader(wire)),
			"cut":          cut(wire, at),
		} {
			body := chunkedBody(src)
			outCut, seenCut, errCut := relay(body, "")
			if seenCut != seen || !sameError(err, errCut) {
				t.Errorf("%s: saw %q, %v; whole: %q, %v", name, seenCut, errCut, seen, err)
			}
			if err == nil && outCut != out || !strings.HasPrefix(wire, outCut) {
				t.Errorf("%s: relayed %q; whole: %q", name, outCut, out)
			}
			if !slices.Equal(pairs(body.Trailer), pairs(whole.Trailer)) {
				t.Errorf("%s: trailer %q; whole: %q", name, body.Trailer, whole.Trailer)
			}
		}
		got, errRead := io.ReadAll(iotest.OneByteReader(chunkedBody(cut(wire, at))))
		if string(got) != seen || !sameError(err, errRead) {
			t.Errorf("read %q, %v; relayed %q, %v", got, errRead, seen, err)
		}
	})
}

// FuzzParseFields reads a section as a request has it and as a response has
// it: what the strict way accepts, the other accepts as the same.
func FuzzParseFields(f *testing.F) {
	for _, test := range fieldLines {
		f.Add(test.lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		r := source("GET / HTTP/1.1\r\n" + lines + "\r\n\r\n")
		head, err := r.readHead()
		if err != nil {
			return
		}
		_, _, text := cutLine(head)
		strict, err := parseFields(text, fieldRules{max: 1000})
		if err != nil {
			return
		}
		repaired, err := parseFields(text, fieldRules{max: 1000, repair: true})
		if err != nil {
			t.Fatalf("%q is refused in a response: %v", text, err)
		}
		checkSameHead(t, repaired, strict)
		if n := strings.Count(text, "\n"); len(strict) != n-1 {
			t.Errorf("%d lines became %d fields", n, len(strict))
		}
	})
}

// sameError reports whether both are nil, or say the same.
func sameError(a, b error) bool {
	var badA, badB *Error
	if errors.As(a, &badA) && errors.As(b, &badB) {
		return badA.Status == badB.Status
	}
	return errors.Is(a, b)
}

func checkSameHead(t *testing.T, got, want traffic.Fields) {
	t.Helper()
	if !slices.Equal(pairs(got), pairs(want)) {
		t.Errorf("fields %q, want %q", got, want)
	}
}
