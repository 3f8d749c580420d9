package proxy

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// wsOutput is where the frames of one direction of a filtered connection are
// written: by its wsInput, and by whoever injects.
type wsOutput struct {
	half *wsHalf

	mu      sync.Mutex // guards the fields below; held while writing
	open    bool       // a message passes in pieces: nothing can come between
	waiting []traffic.Injection
	closed  bool // nothing can be injected any more

	unseen    []traffic.Frame // being written; guarded by ws.mu, like turn
	turn      uint64          // of unseen
	saidClose bool            // necto's own close frame was written; changed under both
}

// write sends wire, which may be empty, and tells of the frames in it.
func (o *wsOutput) write(wire []byte, frames ...traffic.Frame) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writeLocked(wire, frames)
}

func (o *wsOutput) writeLocked(wire []byte, frames []traffic.Frame) error {
	ws := o.half.ws
	if o.saidClose {
		wire = nil // nothing may follow a close frame
	}
	for i := range frames {
		frames[i].Dropped = frames[i].Dropped || o.saidClose
		o.closed = o.closed || frames[i].Opcode == traffic.OpClose && !frames[i].Dropped
	}
	ws.mu.Lock()
	ws.turns++
	o.unseen, o.turn = frames, ws.turns
	ws.mu.Unlock()
	var err error
	if len(wire) > 0 {
		_, err = o.half.dst.Write(wire)
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if err != nil {
		o.unseen, o.closed = nil, true
		return err
	}
	// What this answers may have been written without that having returned, as in
	// wsHalf.passed; what answers this may be on its way already.
	if other := ws.filter.out[1-o.half.dir]; other.turn < o.turn {
		other.show()
	}
	o.show()
	return nil
}

// show tells of what was written, or at least begun to be, as wsHalf does.
// Called under ws.mu.
func (o *wsOutput) show() {
	for i := range o.unseen {
		o.half.ws.tell(&o.unseen[i])
	}
	o.unseen = nil
}

// inject sends a frame that necto makes, once no message is open.
func (o *wsOutput) inject(i traffic.Injection) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return traffic.ErrFramesClosed
	case o.open:
		o.waiting = append(o.waiting, i)
		return nil
	default:
		return o.injectLocked(i)
	}
}

func (o *wsOutput) injectLocked(i traffic.Injection) error {
	wire, frame := o.build(wsframe.Header{Fin: true, Opcode: uint8(i.Opcode)}, i.Payload)
	frame.Payload, frame.Size, frame.Injected = i.Payload, int64(len(i.Payload)), true
	if i.Rule != "" {
		frame.Rules = []string{i.Rule}
	}
	err := o.writeLocked(wire, []traffic.Frame{frame})
	if err != nil {
		o.half.failed(o.half.to, err)
		return err
	}
	if i.Opcode == traffic.OpClose {
		ws := o.half.ws
		ws.mu.Lock()
		o.saidClose = true
		ws.mu.Unlock()
		ws.hangUp(1 - o.half.dir)
	}
	return nil
}

// build returns a frame as necto sends it in this direction, and what there is to
// tell of it but for the content.
func (o *wsOutput) build(h wsframe.Header, payload []byte) ([]byte, traffic.Frame) {
	if h.Masked = o.half.dir == traffic.ClientToServer; h.Masked {
		_, _ = rand.Read(h.Key[:]) // never fails
	}
	return wsframe.AppendFrame(nil, h, payload), traffic.Frame{
		Exchange: &o.half.ws.x.Exchange, First: time.Now(), Dir: o.half.dir,
		Opcode: traffic.Opcode(h.Opcode), Fin: h.Fin, RSV: h.RSV, Masked: h.Masked, Length: int64(len(payload)),
	}
}

// begin keeps injected frames waiting until end.
func (o *wsOutput) begin() {
	o.mu.Lock()
	o.open = true
	o.mu.Unlock()
}

// end sends what has waited.
func (o *wsOutput) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = false
	for _, i := range o.waiting {
		if o.closed || o.injectLocked(i) != nil {
			break
		}
	}
	o.waiting = nil
}

// close refuses whatever is still to be injected.
func (o *wsOutput) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
}
