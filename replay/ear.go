package replay

import (
	"time"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

const (
	// maxMessage is how much of a message is compared, in bytes.
	maxMessage = coding.MaxDecoded
	// maxEarBuffer is how large a buffer an idle connection keeps, in bytes.
	maxEarBuffer = 64 << 10
)

// ear hears what a client says: it puts messages together and compares them with
// the recording. It is used by one goroutine at a time.
type ear struct {
	*conversation
	index  *Index
	url    string // for people
	client *client
	// Where messages are compared: one of the two is nil.
	script *script
	match  *match

	header  wsframe.Header // of the frame that is heard
	open    bool           // a message has begun and not ended
	message wsMessage
	control []byte // payload of a control frame
}

func newEar(x *Index, c *conversation, u traffic.URL, cl *client) *ear {
	e := &ear{conversation: c, index: x, url: safeURL(u.WebSocket().String()), client: cl}
	if x.opts.WSMode == WSMatch {
		e.match = &match{conversation: c, tolerance: &x.tolerance}
	} else {
		e.script = &script{conversation: c, tolerance: &x.tolerance, again: x.opts.WSEnd == WSLoop}
	}
	return e
}

// FrameStart implements wsframe.Handler.
func (e *ear) FrameStart(h wsframe.Header, _ time.Time) {
	e.header = h
	switch {
	case h.IsControl():
		e.control = e.control[:0]
	case h.Opcode == wsframe.OpText, h.Opcode == wsframe.OpBinary:
		e.open = true
		e.message = wsMessage{opcode: h.Opcode, content: e.message.content[:0]}
	}
}

// FrameContent implements wsframe.Handler.
func (e *ear) FrameContent(p []byte) {
	switch {
	case e.header.IsControl():
		e.control = append(e.control, p[:min(len(p), wsframe.MaxControlPayload-len(e.control))]...)
	case e.open && e.header.Opcode <= wsframe.OpBinary:
		e.message.size += int64(len(p))
		e.message.content = append(e.message.content, p[:min(len(p), maxMessage-len(e.message.content))]...)
	}
}

// FrameEnd implements wsframe.Handler.
func (e *ear) FrameEnd(end wsframe.FrameEnd) {
	switch e.header.Opcode {
	case wsframe.OpContinuation, wsframe.OpText, wsframe.OpBinary:
		e.message.garbled = e.message.garbled || end.Err != nil
		if e.header.Fin && e.open {
			e.open = false
			e.heard()
		}
	case wsframe.OpPing:
		e.client.change(func() { e.client.pong = append([]byte{}, e.control...) })
	case wsframe.OpClose:
		e.client.change(func() {
			e.client.closed, e.client.answer = true, closeAnswer(end.CloseCode)
		})
	}
}

// closeAnswer returns the payload of the close frame that answers one (RFC 6455
// section 5.5.1).
func closeAnswer(code int) []byte {
	if code != wsframe.CloseNoStatus && !wsframe.ValidCloseCode(code) {
		code = wsframe.CloseProtocolError
	}
	return wsframe.AppendClose(nil, code, "")
}

// heard is called for each whole message.
func (e *ear) heard() {
	if e.client.over() {
		return
	}
	var d *Divergence
	var reply []int
	if e.match != nil {
		reply, d = e.match.hear(e.message)
	} else {
		d = e.script.hear(e.message)
	}
	if d != nil {
		e.diverged(d)
	}
	if d == nil || !e.index.opts.WSStrict {
		e.client.change(func() {
			e.client.heard++
			e.client.queue = append(e.client.queue, reply...)
		})
	}
	if cap(e.message.content) > maxEarBuffer {
		e.message.content = nil
	}
}

// diverged tells of a divergence and, if it must not be, ends the conversation.
func (e *ear) diverged(d *Divergence) {
	d.ID, d.Recording, d.URL = e.id, e.name, e.url
	e.index.diverged.Add(1)
	if e.index.opts.WSStrict {
		e.index.missed.Add(1)
		e.client.refuse(wsframe.ClosePolicyViolation, "message not recorded")
	}
	if e.index.opts.OnDivergence != nil {
		e.index.opts.OnDivergence(*d)
	}
}
