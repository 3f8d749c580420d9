package proxy

import (
	"io"
	"net"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// wsHalf is one direction of a WebSocket connection, served by a goroutine of
// its own.
type wsHalf struct {
	ws       *webSocket
	dir      traffic.Direction
	src      io.Reader
	dst      io.Writer
	from, to traffic.Side
	buf      growingBuffer
	tap      wsTap

	// Guarded by ws.mu:

	unseen []byte // what was read and not shown to the tap
	turn   uint64 // of unseen
	over   bool   // src has ended in good order
}

// relay passes on what comes until one of the two sides ends.
func (h *wsHalf) relay() {
	defer h.buf.release()
	for {
		p, err := h.buf.read(h.src)
		if len(p) > 0 {
			h.arrived(p)
			if _, err := h.dst.Write(p); err != nil {
				h.ws.end(h, h.to, err)
				return
			}
			h.passed()
		}
		if err != nil {
			h.ws.end(h, h.from, err)
			return
		}
	}
}

// arrived notes that p was read and is about to be passed on.
func (h *wsHalf) arrived(p []byte) {
	h.ws.mu.Lock()
	defer h.ws.mu.Unlock()
	h.ws.turns++
	h.unseen, h.turn = p, h.ws.turns
	h.tap.now()
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
	smallRead = 4 << 10  // what an idle direction holds
	largeRead = 64 << 10 // what it reads into while more is waiting
)

var largeReads = sync.Pool{New: func() any { return new([largeRead]byte) }}

// growingBuffer is a small buffer to read into that is replaced by a large one
// for as long as reads fill it. It must be released.
type growingBuffer struct {
	small [smallRead]byte
	large *[largeRead]byte // nil for none
	full  bool             // the last read filled the buffer
}

// read returns what one Read of src gives, valid until the next call.
func (b *growingBuffer) read(src io.Reader) ([]byte, error) {
	switch {
	case !b.full:
		b.release()
	case b.large == nil:
		b.large = largeReads.Get().(*[largeRead]byte)
	}
	p := b.small[:]
	if b.large != nil {
		p = b.large[:]
	}
	n, err := src.Read(p)
	b.full = n == len(p)
	return p[:n], err
}

// release gives the large buffer back.
func (b *growingBuffer) release() {
	if b.large != nil {
		largeReads.Put(b.large)
		b.large = nil
	}
}
