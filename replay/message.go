package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/record"
)

// maxPrefix is how much text may stand before the JSON of a message, in bytes:
// Socket.IO and others say there what kind of message it is.
const maxPrefix = 64

// wsMessage is a WebSocket message: its frames joined.
type wsMessage struct {
	opcode uint8 // wsframe.OpText or OpBinary
	// content is at most maxMessage bytes of the size bytes there were.
	content []byte
	size    int64
	// garbled means that it could not be inflated.
	garbled bool
}

// digest identifies a message. Text with JSON in it is compared by structure, as
// content of requests is, all else byte by byte. It returns false for a message
// that is not known to its end.
func (m wsMessage) digest(tol *tolerance) (digest, bool) {
	if m.garbled || m.size > int64(len(m.content)) {
		return digest{}, false
	}
	content := m.content
	if m.opcode == wsframe.OpText {
		if tol.masked {
			content = record.Mask(nil, content, "")
		}
		prefix, rest := cutPrefix(content)
		if d, ok := hashJSON(rest, tol); ok {
			return hashBytes(wsframe.OpText, prefix).then(d), true
		}
	}
	return hashBytes(domainRaw, content).then(digest{lo: uint64(m.opcode)}), true
}

// cutPrefix splits text where JSON may begin. Without JSON all of it is prefix.
func cutPrefix(text []byte) (prefix, rest []byte) {
	i := bytes.IndexAny(text[:min(len(text), maxPrefix)], "{[")
	if i < 0 {
		return text, nil
	}
	return text[:i], text[i:]
}

// String returns a message for people, on one line: without values of secret
// names, and not endless.
func (m wsMessage) String() string {
	switch {
	case m.garbled:
		return fmt.Sprintf("%d bytes that cannot be inflated", m.size)
	case m.opcode == wsframe.OpText && utf8.Valid(m.content):
		return clip(printable(string(hideSecrets(m.content))), 200)
	default:
		return fmt.Sprintf("%d bytes %x", m.size, m.content[:min(len(m.content), 16)])
	}
}

// hideSecrets returns text without the values of secret names.
func hideSecrets(text []byte) []byte {
	prefix, rest := cutPrefix(text)
	if _, ok := hashJSON(rest, &tolerance{}); !ok {
		return []byte(hidePairs(string(text)))
	}
	return hideMembers(append([]byte{}, prefix...), rest)
}

// compareMessages notes how two messages differ in their JSON, and nothing if
// that is not where they differ.
func compareMessages(d *differences, was, is wsMessage) {
	prefixA, restA := cutPrefix(was.content)
	prefixB, restB := cutPrefix(is.content)
	if was.opcode != wsframe.OpText || is.opcode != wsframe.OpText || !bytes.Equal(prefixA, prefixB) {
		return
	}
	a, errA := decodeJSON(restA)
	b, errB := decodeJSON(restB)
	if errA == nil && errB == nil {
		d.json("json", a, b, d.tolerance.json, false, false)
	}
}

// span says which frames of a conversation a message of the client is in: from
// first to last, among others.
type span struct{ first, last int }

// errPartial is returned with the beginning of a message that was recorded
// truncated or is too long to be compared.
var errPartial = errors.New("not the whole message")

// recall reads a recorded message of the client.
func (c *conversation) recall(s span) (wsMessage, error) {
	var m wsMessage
	for i, f := range c.frames[s.first : s.last+1] {
		if f.fromServer() {
			continue
		}
		entry, err := f.read(c.file)
		if err != nil {
			return m, err
		}
		if i == 0 {
			m.opcode = uint8(entry.Opcode)
		}
		body, err := c.file.OpenBody(&entry.Body)
		if err != nil {
			return m, err
		}
		content, err := io.ReadAll(io.LimitReader(body, int64(maxMessage-len(m.content)+1)))
		if err = errors.Join(err, body.Close()); err != nil {
			return m, err
		}
		m.content = append(m.content, content...)
		m.size = int64(len(m.content))
		if f.truncated() || m.size > maxMessage {
			return m, errPartial
		}
	}
	return m, nil
}

// nextMessage returns the frames of the first message of the client that begins
// at frame i or behind it, false if there is none.
func (c *conversation) nextMessage(i int) (span, bool) {
	first := -1
	for ; i < len(c.frames); i++ {
		f := c.frames[i]
		if f.fromServer() {
			continue
		}
		if first < 0 {
			first = i
		}
		if f.fin() {
			return span{first, i}, true
		}
	}
	return span{}, false
}
