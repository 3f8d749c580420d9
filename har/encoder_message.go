package har

import (
	"iter"

	"github.com/necto-dev/necto/traffic"
)

// messages appends the messages of a WebSocket connection.
func (e *encoder) messages(all iter.Seq2[*Message, error]) {
	if all == nil {
		return
	}
	e.buf = append(e.buf, `,"_webSocketMessages":`...)
	before := byte('[')
	for m, err := range all {
		if err != nil {
			e.fail(err)
		}
		if e.err != nil {
			return
		}
		e.buf = append(e.buf, before)
		e.message(m)
		e.relieve()
		before = ','
	}
	if before == '[' {
		e.buf = append(e.buf, '[')
	}
	e.buf = append(e.buf, ']')
}

// message appends a message in Chrome's spelling, in which only text is text.
func (e *encoder) message(m *Message) {
	if m.Dir == traffic.ClientToServer {
		e.buf = append(e.buf, `{"type":"send"`...)
	} else {
		e.buf = append(e.buf, `{"type":"receive"`...)
	}
	e.buf = appendSeconds(e.buf, `,"time":`, m.Time)
	e.buf = appendInt(e.buf, `,"opcode":`, int64(m.Opcode))
	if body := m.Body; m.Opcode == traffic.OpText {
		e.body(`,"data":`, `,"_encoding":"base64"`, &body)
	} else {
		body.Base64 = true
		e.body(`,"data":`, "", &body)
	}
	if m.Fragments > 1 {
		e.buf = appendInt(e.buf, `,"_fragments":`, int64(m.Fragments))
	}
	e.buf = appendFlag(e.buf, `,"_truncated":`, m.Truncated)
	if m.Close != nil {
		e.buf = appendClose(e.buf, `,"_close":`, m.Close)
	}
	e.buf = appendRaw(e.buf, `,"_necto":`, m.Necto)
	e.end("", m.Extra)
}

func appendClose(dst []byte, before string, c *Close) []byte {
	dst = append(append(dst, before...), '{')
	dst = appendInt(dst, `"code":`, int64(c.Code))
	dst = appendText(dst, `,"reason":`, c.Reason)
	if !c.Time.IsZero() {
		dst = appendSeconds(dst, `,"timestamp":`, c.Time)
	}
	return append(dst, '}')
}

func (e *encoder) event(v *Event) {
	e.buf = appendSeconds(e.buf, `{"time":`, v.Time)
	e.buf = appendText(e.buf, `,"eventName":`, v.Name)
	e.buf = appendText(e.buf, `,"eventId":`, v.ID)
	e.buf = appendText(e.buf, `,"data":`, v.Data)
	e.end("", v.Extra)
}
