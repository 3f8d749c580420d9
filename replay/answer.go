package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// answer is a recorded response made ready to be sent, again and again. It does
// not change.
type answer struct {
	status        int
	reason        string
	plain         variant
	coded         *variant // nil if no coding was undone
	informational []*traffic.Response
	trailer       traffic.Fields
	chunks        []traffic.Chunk
	wait          time.Duration // from the request to the head
	empty         bool          // no content, whatever the fields say
	body          *record.EntryBody
	file          *record.File
	size          int64 // in memory, in bytes, roughly
}

// variant is the same answer with or without its content coding.
type variant struct {
	header  traffic.Fields
	codings []string // to be applied to what body holds
	// length is that of the content in bytes, -1 if it ends by itself.
	length int64
	// content is what is sent, nil if it has to be read from body.
	content []byte
}

// prepared returns the answer in a line. The error says why it cannot be
// served.
func (x *Index) prepared(number uint32) (*answer, error) {
	if a, ok := x.cache.get(number); ok {
		return a, nil
	}
	entry, err := x.entry(number)
	if err != nil {
		return nil, err
	}
	a, err := prepare(x.fileOf(number), entry)
	if err != nil {
		return nil, fmt.Errorf("recorded answer #%d %w", entry.ID, err)
	}
	x.cache.add(number, a)
	return a, nil
}

func (x *Index) positionOf(number uint32) position { return x.table.lines[number].at }

func (x *Index) fileOf(number uint32) *record.File { return x.files[x.positionOf(number).file()] }

// entry reads a line.
func (x *Index) entry(number uint32) (*record.Entry, error) {
	l := x.table.lines[number]
	raw, err := x.fileOf(number).ReadLine(l.at.offset(), int(l.length))
	if err != nil {
		return nil, err
	}
	return record.ParseEntry(raw)
}

// errTruncated is a body that was cut by the recorder's --max-body.
var errTruncated = errors.New("was recorded truncated")

func prepare(f *record.File, entry *record.Entry) (*answer, error) {
	recorded := entry.Response
	switch {
	case recorded == nil:
		return nil, errors.New("is no object")
	case recorded.Status < 200 || recorded.Status > 999:
		return nil, fmt.Errorf("has status %d", recorded.Status)
	case recorded.Body != nil && recorded.Body.Truncated:
		return nil, errTruncated
	}
	if err := checkHeads(recorded); err != nil {
		return nil, err
	}
	a := &answer{
		status: recorded.Status,
		reason: recorded.Reason,
		wait:   waitOf(entry.Timing),
		empty:  hasNoContent(entry.Request.Method, recorded.Status),
		body:   recorded.Body,
		file:   f,
	}
	for i := range recorded.Informational {
		// 100 answers an Expect that was part of that connection, 101 left HTTP.
		if early := &recorded.Informational[i]; early.Status > 101 && early.Status < 200 {
			a.informational = append(a.informational, &traffic.Response{
				Status: early.Status, Reason: early.Reason, Proto: "HTTP/1.1", Header: endToEnd(early.Header),
			})
		}
	}
	if a.empty {
		a.plain.header = endToEnd(recorded.Header).Without("Transfer-Encoding")
		a.size = sizeOf(a.plain.header)
		return a, nil
	}
	return a, a.fill(recorded)
}

// fill adds the content and what frames it.
func (a *answer) fill(recorded *record.EntryResponse) error {
	streamed := recorded.Header.Has("Transfer-Encoding") || len(recorded.Trailer) > 0
	var size int64
	var codings []string
	if a.body != nil {
		size = a.body.Size
		if recorded.Header.Has("Content-Encoding") {
			codings = coding.Parse([]string{a.body.Coding})
		}
		a.chunks = a.body.Chunks
		streamed = streamed || len(a.chunks) > 0 && !recorded.Header.Has("Content-Length")
	}
	if streamed {
		a.trailer = recorded.Trailer
	}
	content, err := a.load(size)
	if err != nil {
		return err
	}
	if content != nil {
		size = int64(len(content)) // what a hand-edited line says is not always true
	}
	header := endToEnd(recorded.Header)
	a.plain = variant{header: header, length: size, content: content}
	if len(codings) > 0 {
		a.plain.header = header.Without("Content-Encoding")
		if a.coded, err = codedVariant(header, codings, content); err != nil {
			return err
		}
		a.coded.frame(streamed)
		a.size += sizeOf(a.coded.header) + int64(len(a.coded.content))
	}
	a.plain.frame(streamed)
	a.size += sizeOf(a.plain.header) + int64(len(content))
	return nil
}

// load returns the content if it is small enough to stay in memory, else nil.
func (a *answer) load(size int64) ([]byte, error) {
	switch {
	case a.body == nil:
		return []byte{}, nil
	case a.body.File == "":
		if a.body.Inline == nil {
			return []byte{}, nil
		}
		return a.body.Inline, nil
	}
	r, err := a.file.OpenBody(a.body)
	if err != nil {
		return nil, err
	}
	if size > maxCachedEntry {
		return nil, r.Close() // it was only to see that it is there
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// codedVariant returns the answer with its codings applied again: at once if
// the content is in memory, else while it is sent.
func codedVariant(header traffic.Fields, codings []string, content []byte) (*variant, error) {
	v := &variant{header: header, codings: codings, length: -1}
	if content == nil {
		return v, nil
	}
	encoded, err := io.ReadAll(newEncodedBody(io.NopCloser(bytes.NewReader(content)), codings, false))
	v.content, v.length = encoded, int64(len(encoded))
	return v, err
}

// hasNoContent reports whether a response ends with its head (RFC 9112 section
// 6.3).
func hasNoContent(method string, status int) bool {
	return method == "HEAD" || status == 204 || status == 304
}

// waitOf returns the time from the beginning of an exchange to the head of its
// response.
func waitOf(t traffic.Timing) time.Duration {
	var sum time.Duration
	for _, step := range []time.Duration{t.Blocked, t.DNS, t.Connect, t.TLS, t.Send, t.Wait} {
		sum += max(0, step)
	}
	return sum
}
