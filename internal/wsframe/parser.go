package wsframe

import (
	"sync"
	"time"
)

// Sink is told by a Parser what it finds, in wire order: for each frame one
// Header, a Payload for each piece of a payload that is not empty, one End.
type Sink interface {
	// Header is told when a frame's header is complete; at is when its first
	// byte arrived.
	Header(h Header, at time.Time)
	// Payload is told the next piece of the payload, unmasked. p is valid only
	// during the call and must not be changed: other goroutines may still be
	// reading the same bytes.
	Payload(p []byte)
	// End is told when the frame is complete; at is when its last byte arrived.
	End(at time.Time)
}

// Parser finds the frames in the bytes of one direction of a connection. The
// zero value is ready for the first byte behind the handshake. It is used by one
// goroutine at a time and keeps no more than a header, whatever frames announce.
type Parser struct {
	head    [MaxHeaderSize]byte
	headLen int       // bytes of an unfinished header in head
	first   time.Time // when the unfinished header began

	masked bool
	key    [4]byte
	pos    int   // payload bytes of the frame so far, modulo 4
	left   int64 // payload bytes of the frame still to come
	err    error
}

// Feed parses p, which continues the bytes of the calls before, cut anywhere,
// and arrived at now. It neither keeps nor changes p. The only error is
// ErrDesync: frames cannot be found any more, and every later call returns the
// same at once.
func (ps *Parser) Feed(p []byte, now time.Time, s Sink) error {
	for ps.err == nil && len(p) > 0 {
		if ps.left > 0 {
			n := int(min(ps.left, int64(len(p))))
			ps.payload(p[:n], s)
			p = p[n:]
		} else {
			var complete bool
			if p, complete = ps.header(p, now, s); !complete {
				break
			}
		}
		if ps.left == 0 {
			s.End(now)
		}
	}
	return ps.err
}

// MidFrame reports whether the bytes so far end inside a frame, so that a
// connection which ends here was cut.
func (ps *Parser) MidFrame() bool { return ps.left > 0 || ps.headLen > 0 }

// Left returns how many bytes of payload are still to come of the current frame,
// 0 between frames and inside a header.
func (ps *Parser) Left() int64 { return ps.left }

// header parses a header at the beginning of p, or the rest of one, and returns
// what follows it and whether it was complete.
func (ps *Parser) header(p []byte, now time.Time, s Sink) (rest []byte, complete bool) {
	if ps.headLen == 0 {
		ps.first = now
		h, n, err := ParseHeader(p)
		if n > 0 {
			ps.begin(h, s)
			return p[n:], true
		}
		if err != nil {
			ps.err = err
			return nil, false
		}
	}
	copied := copy(ps.head[ps.headLen:], p)
	h, n, err := ParseHeader(ps.head[:ps.headLen+copied])
	if n == 0 {
		ps.headLen += copied
		ps.err = err
		return nil, false
	}
	rest = p[n-ps.headLen:]
	ps.headLen = 0
	ps.begin(h, s)
	return rest, true
}

func (ps *Parser) begin(h Header, s Sink) {
	ps.masked, ps.key, ps.pos, ps.left = h.Masked, h.Key, 0, h.Length
	s.Header(h, ps.first)
}

// scratchSize is how much is unmasked at a time, small enough to stay in the
// processor's first cache with what the sink makes of it.
const scratchSize = 8 << 10

// scratch holds buffers to unmask into. They are shared, as an idle connection
// shall not own one.
var scratch = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// payload hands on a piece of the payload.
func (ps *Parser) payload(p []byte, s Sink) {
	ps.left -= int64(len(p))
	if !ps.masked {
		s.Payload(p)
		return
	}
	buf := scratch.Get().(*[scratchSize]byte)
	for len(p) > 0 {
		n := min(len(p), scratchSize)
		maskTo(buf[:n], p[:n], ps.key, ps.pos)
		s.Payload(buf[:n])
		ps.pos = (ps.pos + n) & 3
		p = p[n:]
	}
	scratch.Put(buf)
}
