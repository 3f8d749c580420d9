package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxText is how much text is written as text; a shell may refuse an argument of
// 128 KiB.
const maxText = 64 << 10

// mark begins what stands in the place of a secret, as package record spells it.
const mark = "{{redacted:"

// request is a request to be written.
type request struct {
	id          uint64
	method, url string
	// authority and target are parts of url.
	authority, target string
	header            traffic.Fields
	warn              func(string)

	file *record.File
	body *record.EntryBody // nil for none
	// text is the content if it is text and short; isText says that it is.
	text   string
	isText bool
	err    error // of reading it
}

// ownFields are made by whoever sends a request.
var ownFields = []string{
	"Content-Length", "Transfer-Encoding", "Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
	"Proxy-Authorization",
}

func newRequest(f *record.File, e *record.Entry, warn func(string)) *request {
	r := &request{
		id: e.ID, method: e.Request.Method, url: e.Request.URL, file: f, body: e.Request.Body,
		header: e.Request.Header.Without(ownFields...), warn: warn,
	}
	_, rest, _ := strings.Cut(r.url, "://")
	r.authority, r.target = rest, ""
	if i := strings.IndexAny(rest, "/?*#"); i >= 0 {
		r.authority, r.target = rest[:i], rest[i:]
	}
	if r.header.Get("Host") == r.authority {
		r.header = r.header.Without("Host")
	}
	if r.body == nil {
		return r
	}
	if r.body.Coding != "" {
		r.header = r.header.Without("Content-Encoding")
	}
	if r.body.Truncated {
		r.say("only the beginning of its content was recorded")
	}
	r.readText()
	return r
}

// readText reads content that may be written as text.
func (r *request) readText() {
	if r.body.Size > maxText && !r.body.Truncated {
		return
	}
	content, err := r.open()
	if err != nil {
		r.err = err
		return
	}
	defer content.Close()
	var text bytes.Buffer
	if _, err := io.CopyN(&text, content, maxText+1); err != nil && !errors.Is(err, io.EOF) {
		r.err = err
		return
	}
	r.isText = text.Len() <= maxText && utf8.Valid(text.Bytes()) && bytes.IndexByte(text.Bytes(), 0) < 0
	if r.isText {
		r.text = text.String()
	}
}

func (r *request) open() (io.ReadCloser, error) { return r.file.OpenBody(r.body) }

// isHTTP reports whether a URL is one that all formats can have.
func isHTTP(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// problem says what keeps the request from being one of HTTP (RFC 9110 sections 5
// and 9), "" for nothing. Somebody may have written the recording to make something
// else of it where it is exported to: the name of a file, or another request.
func (r *request) problem() string {
	if !httpguts.ValidHeaderFieldName(r.method) { // both are tokens
		return fmt.Sprintf("%.80q is no method", r.method)
	}
	for _, f := range r.header {
		if !httpguts.ValidHeaderFieldName(f.Name) {
			return fmt.Sprintf("%.80q is no name of a field", f.Name)
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return fmt.Sprintf("the value of %s has control characters", f.Name)
		}
	}
	return ""
}

// say warns of something about the request.
func (r *request) say(text string) { r.warn(fmt.Sprintf("exchange %d: %s", r.id, text)) }

// redacted reports whether secrets were replaced where it can be seen at once.
func (r *request) redacted() bool {
	for _, f := range r.header {
		if strings.Contains(f.Value, mark) {
			return true
		}
	}
	return strings.Contains(r.url, mark) || strings.Contains(r.text, mark)
}

// title names the request in a comment, which must not end before its line does.
func (r *request) title() string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029 || c == utf8.RuneError {
			return -1
		}
		return c
	}, fmt.Sprintf("%d: %s %s", r.id, r.method, r.url))
}
