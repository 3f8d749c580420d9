package proxy

import (
	"context"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// maxFiltered is the most that is held of a message that a filter is asked
// about, and of those that wait behind it, in bytes.
const maxFiltered = 4 << 20

// tooLarge is told with frames that no filter was asked about for their size.
const tooLarge = "too large for rules"

// wsFilter is what a connection with a traffic.FrameFilter needs besides.
type wsFilter struct {
	traffic.FrameFilter
	ctx    context.Context // of the filter and its calls
	cancel context.CancelFunc
	notes  *traffic.Notes // in ctx
	inputs [2]*wsInput
	out    [2]*wsOutput

	// closing is set when Close is called, and closed when that has sent what it has
	// to; guarded by ws.mu.
	closing chan struct{}
	heard   [2]bool // guarded by ws.mu: the side's close frame was read
}

// askForFilter has all messages pass through a filter, if there is to be one.
func (ws *webSocket) askForFilter(ext wsframe.Extensions) {
	f := new(wsFilter)
	ws.filter = f
	for dir := range ws.halves {
		f.out[dir] = &wsOutput{half: &ws.halves[dir]}
	}
	ctx, cancel := context.WithCancel(ws.x.c.ctx)
	f.ctx, f.notes = traffic.WithNotes(ctx, &ws.x.Exchange, ws.x.c.p.observer, &ws.mu)
	f.cancel = cancel
	f.FrameFilter = ws.x.c.p.opts.Frames(f.ctx, &ws.x.Exchange, ws)
	if f.FrameFilter == nil {
		f.stop()
		ws.filter = nil
		return
	}
	for dir := range ws.halves {
		f.inputs[dir] = newWSInput(&ws.halves[dir], ext)
	}
}

// Close implements traffic.FrameWriter.
func (ws *webSocket) Close(code int, reason string) {
	if !ws.beginClose() {
		return
	}
	defer close(ws.filter.closing)
	ws.filter.cancel()
	payload := wsframe.AppendClose(nil, code, reason)
	for dir, out := range ws.filter.out {
		// A direction that is closed already needs no second close frame.
		_ = out.inject(traffic.Injection{Dir: traffic.Direction(dir), Opcode: traffic.OpClose, Payload: payload})
	}
}

// beginClose notes that Close was called, and returns false if it was before.
func (ws *webSocket) beginClose() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.filter.closing != nil {
		return false
	}
	ws.filter.closing = make(chan struct{})
	ws.lingerOn() // before anything that a side which does not read could block
	return true
}

// isClosing reports whether Close was called.
func (ws *webSocket) isClosing() bool { return ws.closed() != nil }

// closed returns what is closed when Close has sent what it has to, nil if it was not
// called.
func (ws *webSocket) closed() <-chan struct{} {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.filter.closing
}

// heardClose notes that a side has sent its close frame. If necto closes the
// connection that is the answer, or answered by what necto has sent.
func (ws *webSocket) heardClose(from traffic.Direction) {
	ws.mu.Lock()
	ws.filter.heard[from] = true
	ws.mu.Unlock()
	ws.hangUp(from)
}

// hangUp ends what goes to a side that has sent a close frame and was sent
// necto's.
func (ws *webSocket) hangUp(from traffic.Direction) {
	out := ws.filter.out[1-from]
	ws.mu.Lock()
	over := ws.filter.heard[from] && out.saidClose
	ws.mu.Unlock()
	if over {
		out.half.closeWrite()
	}
}

// stop ends the filter when both directions have ended: nothing is told or sent
// after it.
func (f *wsFilter) stop() {
	f.cancel()
	f.notes.End()
	for _, out := range f.out {
		out.close()
	}
}

// tell counts a frame that passed through a filter and tells the observer. Its
// Last becomes the time of that, so that what was held is told in the order in
// which the other side got it. Called under ws.mu.
func (ws *webSocket) tell(f *traffic.Frame) {
	f.Last = time.Now()
	if f.Opcode == traffic.OpClose && ws.closing.by == "" {
		ws.closing.by = ws.halves[f.Dir].from
		if f.Injected {
			ws.closing.by = traffic.SideNecto
		}
		ws.closing.code, ws.closing.reason, _ = wsframe.ParseClose(f.Payload[:min(len(f.Payload), wsframe.MaxControlPayload)])
	}
	if limit := ws.x.c.p.opts.MaxBody; !f.Truncated && limit >= 0 && int64(len(f.Payload)) > limit {
		content := newFrameContent(limit)
		defer content.release()
		content.add(f.Payload)
		f.Payload, f.SHA256 = content.bytes()
		f.Truncated = true
	}
	ws.count(f)
}
