package record

import (
	"bytes"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// fragments replaces secrets in messages that come in fragments. Each of these
// has a line of its own, so none can wait for the next, and a secret or its name
// may be cut anywhere. It has the messages that have not ended; almost none come
// in fragments.
type fragments map[fragmentKey]*fragmented

// fragmentKey is one direction of a connection, which has one message at a time.
type fragmentKey struct {
	id  traffic.ExchangeID
	dir traffic.Direction
}

// fragmented is what has to be known of the fragments before.
type fragmented struct {
	// context is the end of them, long enough for the name of a secret.
	context []byte
	// inside says what they ended in, name whose value has begun with no more
	// than its quote.
	inside insideOf
	name   []byte
}

type insideOf uint8

const (
	inNone   insideOf = iota
	inString          // a string that is a secret
	inEscape          // the same, behind a backslash
	inNumber          // a number that is a secret
)

// isFragment reports whether a frame is not a whole message.
func isFragment(f *traffic.Frame) bool {
	return !f.Opcode.Control() && (!f.Fin || f.Opcode == traffic.OpContinuation)
}

// append appends the content of a fragment with its secrets replaced.
func (m fragments) append(dst []byte, f *traffic.Frame, r *redactor) []byte {
	key := fragmentKey{f.Exchange.ID, f.Dir}
	message := m[key]
	if message == nil || f.Opcode != traffic.OpContinuation {
		message = &fragmented{}
		m[key] = message
	}
	if f.Fin {
		delete(m, key)
	}
	return message.append(dst, f.Payload, r)
}

// forget forgets the messages of a connection.
func (m fragments) forget(id traffic.ExchangeID) {
	delete(m, fragmentKey{id, traffic.ClientToServer})
	delete(m, fragmentKey{id, traffic.ServerToClient})
}

func (m *fragmented) append(dst, part []byte, r *redactor) []byte {
	dst, part = m.dropRest(dst, part, r)
	known := len(m.context)
	src := slices.Concat(m.context, part)
	done := known // src before done is in dst, or dropped
	base := 0     // the name of a secret is not before that
	g := jsonGrammar{}
	for i := 0; ; {
		at := g.anchor(src, i)
		if at < 0 {
			break
		}
		i = at
		name, v, ok := g.secret(src, base, at)
		if !ok || v.start < known || v.start == v.end {
			continue
		}
		if !v.whole {
			m.cut(name, src[v.start:])
			v.end = len(src)
		}
		dst = append(dst, src[done:v.start]...)
		dst = g.appendMark(dst, r, name, src, v)
		done, base, i = v.end, v.end, v.end
	}
	dst = append(dst, src[done:]...)
	m.context = append(m.context[:0], src[max(base, len(src)-lookBehind):]...)
	if m.inside != inNone {
		m.context = m.context[:0]
	}
	return dst
}

// cut notes that a value goes on in the next fragment.
func (m *fragmented) cut(name, value []byte) {
	if name == nil {
		return // a URL, of which the next fragment shows no more
	}
	m.inside = inNumber
	if isNumeric(value[0]) {
		return
	}
	// A string in a string is dropped up to where that ends.
	m.inside = inString
	quote := 1 + bytes.IndexByte(value, '"')
	if len(value) == quote {
		m.name = bytes.Clone(name)
	}
	if end, _ := (jsonGrammar{}).end(value, quote); end < len(value) {
		m.inside = inEscape
	}
}

// dropRest returns part without the rest of the secret that it begins in.
func (m *fragmented) dropRest(dst, part []byte, r *redactor) (appended, rest []byte) {
	if m.inside == inNone || len(part) == 0 {
		return dst, part
	}
	if m.inside == inNumber {
		i := 0
		for i < len(part) && isNumeric(part[i]) {
			i++
		}
		if i < len(part) {
			m.inside = inNone
		}
		return dst, part[i:]
	}
	i := 0
	if m.inside == inEscape {
		i = 1
	}
	end, whole := jsonGrammar{}.end(part, i)
	switch {
	case whole:
		m.inside = inNone
	case end < len(part):
		m.inside = inEscape
	default:
		m.inside = inString
	}
	if !whole {
		end = len(part)
	}
	if m.name != nil && end > 0 {
		dst = r.appendMark(dst, m.name, part[:end])
		m.name = nil
	}
	return dst, part[end:]
}
