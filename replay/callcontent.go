package replay

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// maxExplained is how many messages of a call, and how many bytes of them, are
// kept to explain a miss.
const (
	maxExplained      = 1000
	maxExplainedBytes = 1 << 20
)

// callMessage is a message of a call as it is compared.
type callMessage struct {
	digest digest
	size   int64 // in bytes, compression undone
	// json is the message as JSON, nil if nothing describes it; start is how it
	// begins. Both are nil for what is not needed to explain a miss.
	json, start []byte
}

// String returns the message for people, without its JSON.
func (m callMessage) String() string {
	text := strconv.FormatInt(m.size, 10) + " bytes"
	if len(m.start) > 0 {
		text += " " + hex.EncodeToString(m.start)
	}
	return text
}

// callReader reads one side of a call.
type callReader struct {
	messages *grpcwire.Reader
	path     string
	dir      traffic.Direction
	codec    string
	encoding string
	tol      *tolerance
}

func newCallReader(body io.Reader, path string, dir traffic.Direction, header traffic.Fields, tol *tolerance) *callReader {
	contentType := header.Get("Content-Type")
	return &callReader{
		messages: grpcwire.NewReader(body, grpcwire.FormatOf(contentType), coding.MaxDecoded),
		path:     path, dir: dir, tol: tol,
		codec: grpcwire.Codec(contentType), encoding: grpcwire.Encoding(header),
	}
}

// next returns the next message, whose json and start are valid until the next
// call, and false if there is none: messages.Err says why. Trailers of gRPC-Web are
// no messages.
func (r *callReader) next() (callMessage, bool) {
	for r.messages.Next() {
		if m := r.messages.Message(); !m.Trailer {
			return r.message(m, r.messages.Content()), true
		}
	}
	return callMessage{}, false
}

// message compares messages as JSON where they are described, so that neither the
// order in which a map was written nor what is ignored matters, and else byte by
// byte. Compression is undone if it is known.
func (r *callReader) message(m grpcwire.Message, content []byte) callMessage {
	decoded, err := grpcwire.Decoded(m, content, r.encoding, coding.MaxDecoded)
	if err != nil || m.Size > int64(len(content)) { // compared as it came, as far as it is known
		d := hashBytes(domainRaw, content).then(digest{hi: 1, lo: uint64(m.Size)})
		return callMessage{digest: d, size: m.Size, start: startOf(content)}
	}
	out := callMessage{size: int64(len(decoded)), start: startOf(decoded)}
	text := decoded
	if r.codec != "json" {
		text, err = r.tol.protos.JSON(r.path, r.dir, decoded)
	}
	if err == nil {
		if d, ok := hashJSON(text, r.tol); ok {
			out.digest, out.json = d.in(domainMessage), text
			return out
		}
	}
	out.digest = hashBytes(domainMessage, decoded)
	return out
}

// startOf returns how content begins.
func startOf(content []byte) []byte { return content[:min(len(content), 16)] }

// digestCall reads one side of a call to its end. What is behind the last whole
// message counts as one message more.
func digestCall(r *callReader) (content, error) {
	var c callContent
	for m, ok := r.next(); ok; m, ok = r.next() {
		c.add(m)
	}
	err := r.messages.Err()
	if errors.Is(err, grpcwire.ErrCut) {
		c.add(cutMessage)
	}
	return c.content(), unlessCut(err)
}

// cutMessage stands for what is behind the last whole message of a side.
var cutMessage = callMessage{digest: digest{lo: 1}.in(domainMessage), size: -1}

// callContent is the messages of one side so far. The zero value is none.
type callContent struct {
	all   digest
	count int
	size  int64
	shown []callMessage // the first ones
	bytes int           // of shown
}

// add adds a message.
func (c *callContent) add(m callMessage) {
	c.all = c.all.then(m.digest)
	c.count++
	c.size += max(0, m.size)
	if len(c.shown) == maxExplained || c.bytes+len(m.json) > maxExplainedBytes {
		return
	}
	c.bytes += len(m.json)
	m.json, m.start = append([]byte(nil), m.json...), append([]byte(nil), m.start...)
	c.shown = append(c.shown, m)
}

// content returns what matching compares. A call without messages has the digest
// of no content.
func (c *callContent) content() content {
	if c.count == 0 {
		return content{kind: kindCall}
	}
	return content{
		digest: c.all.in(domainCall), size: max(1, c.size), kind: kindCall, messages: c.shown, count: c.count,
	}
}

// calls compares the messages of two calls.
func (d *differences) calls(was, is content) {
	if is.partial { // there may have been more to come
		was.messages = was.messages[:min(len(was.messages), len(is.messages))]
		was.count = min(was.count, is.count)
	}
	for i := range max(len(was.messages), len(is.messages)) {
		a, b := messageAt(was, i), messageAt(is, i)
		if a.digest == b.digest {
			continue
		}
		name := fmt.Sprintf("message.%d", i+1)
		if !d.callMessage(name, a, b) {
			d.add(farBody, name, textAt(was, i), textAt(is, i))
		}
	}
	if was.count != is.count {
		d.add(farBody, "messages", strconv.Itoa(was.count), strconv.Itoa(is.count))
	}
}

// callMessage compares two messages as JSON, and reports whether that shows a
// difference.
func (d *differences) callMessage(name string, was, is callMessage) bool {
	if was.json == nil || is.json == nil {
		return false
	}
	a, errA := decodeJSON(was.json)
	b, errB := decodeJSON(is.json)
	before := d.distance
	if errA == nil && errB == nil {
		d.json(name, a, b, d.tolerance.json, false, false)
	}
	return d.distance > before
}

func messageAt(c content, i int) callMessage {
	if i < len(c.messages) {
		return c.messages[i]
	}
	return callMessage{}
}

// textAt returns how a message is shown, none if there is none.
func textAt(c content, i int) string {
	switch {
	case i >= len(c.messages):
		return none
	case c.messages[i].size < 0:
		return "a part"
	case c.messages[i].json != nil:
		return string(c.messages[i].json)
	}
	return c.messages[i].String()
}
