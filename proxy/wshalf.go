package proxy

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// wsHalf is one direction of a WebSocket connection, served by a goroutine of
// its own.
type wsHalf struct {
	ws       *webSocket
	dir      traffic.Direction
	dst      io.Writer
	from, to traffic.Side
	src      growingBuffer
	tap      wsTap

	// Guarded by ws.mu:

	unseen  []byte              // what was read and not shown to the tap
	turn    uint64              // of unseen
	over    bool                // src has ended in good order
	ended   bool                // nothing more is passed on
	waiting []traffic.Injection // for the end of a message

	writing sync.Mutex // held while bytes that nobody filters, or injected ones, are written to dst

	endOnce sync.Once // of a direction with a filter
}

// relay passes on what comes until one of the two sides ends.
func (h *wsHalf) relay() {
	if f := h.ws.filter; f != nil {
		f.inputs[h.dir].relay()
		return
	}
	defer h.src.release()
	for {
		p, err := h.src.read()
		if len(p) > 0 {
			if err := h.pass(p); err != nil {
				h.ws.end(h, h.to, err)
				return
			}
		}
		if err != nil {
			h.ws.end(h, h.from, err)
			return
		}
	}
}

// pass passes on what was read.
func (h *wsHalf) pass(p []byte) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	if h.arrived(p) {
		return h.passAround(p)
	}
	if _, err := h.dst.Write(p); err != nil {
		return err
	}
	h.passed()
	return nil
}

// failed ends the half, for the first reason of those that several goroutines may
// find.
func (h *wsHalf) failed(side traffic.Side, err error) {
	h.endOnce.Do(func() { h.ws.end(h, side, err) })
}

// arrived notes that p was read and is about to be passed on. What came together
// with the handshake counts as read now, behind the event that tells of that. It
// reports whether frames wait to be injected.
func (h *wsHalf) arrived(p []byte) (waiting bool) {
	h.ws.mu.Lock()
	defer h.ws.mu.Unlock()
	h.ws.turns++
	h.unseen, h.turn = p, h.ws.turns
	h.tap.arrived = time.Now()
	return len(h.waiting) > 0
}

// passed shows the tap what was passed on. What the other direction has read
// before comes first, though writing it may not have returned: a peer can answer
// before the one who wrote to it goes on, and a recording in which the answer
// comes first could not be understood.
func (h *wsHalf) passed() {
	h.ws.mu.Lock()
	defer h.ws.mu.Unlock()
	if other := &h.ws.halves[1-h.dir]; other.unseen != nil && other.turn < h.turn {
		other.show()
	}
	h.show()
}

// show shows the tap what it has not seen.
func (h *wsHalf) show() {
	if h.unseen != nil {
		h.tap.feed(h.unseen)
		h.unseen = nil
	}
}

// closeWrite tells the receiving side that nothing more will come.
func (h *wsHalf) closeWrite() {
	switch dst := h.dst.(type) {
	case tunnelConn:
		_ = dst.CloseWrite() // it may have ended meanwhile
	case net.Conn:
		_ = closeWrite(dst)
	}
}

const (
	smallRead = 4 << 10  // what a Reader has room for, and an idle direction holds
	largeRead = 64 << 10 // what is read into while more is waiting
)

var largeReads = sync.Pool{New: func() any { return new([largeRead]byte) }}

// growingBuffer reads into the buffer that a Reader has in any case, and into a
// large one for as long as reads fill it. It must be released.
type growingBuffer struct {
	r     *h1.Reader
	large *[largeRead]byte // nil for none
	full  bool             // the last read filled the buffer
}

// read returns what one read gives, valid until the next call.
func (b *growingBuffer) read() ([]byte, error) {
	if b.full {
		return b.readLarge()
	}
	b.release()
	if len(b.r.Buffered()) == 0 {
		if err := b.r.Fill(); err != nil {
			return nil, err
		}
	}
	p := b.r.Buffered()
	b.r.Discard(len(p))
	b.full = len(p) >= smallRead
	return p, nil
}

func (b *growingBuffer) readLarge() ([]byte, error) {
	if b.large == nil {
		b.large = largeReads.Get().(*[largeRead]byte)
	}
	n, err := b.r.Read(b.large[:])
	b.full = n == largeRead
	return b.large[:n], err
}

// release gives the large buffer back.
func (b *growingBuffer) release() {
	if b.large != nil {
		largeReads.Put(b.large)
		b.large = nil
	}
}
