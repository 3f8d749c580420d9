package eventserver

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

// subscriber is a connected client and how far it has got in the ring.
type subscriber struct {
	ring    *ring
	socket  *socket.Socket
	dropLag bool
	dropped *atomic.Uint64 // of all subscribers
	done    chan struct{}  // closed when the client is gone
	rewound chan struct{}  // has room for one; sent to when there is more to send

	mu   sync.Mutex
	subs subscriptions
	// cursor is the number of the next item.
	cursor uint64
}

// newSubscriber returns the subscriber for a client that has just connected.
func newSubscriber(s *Server, sock *socket.Socket) *subscriber {
	_, next := s.ring.bounds()
	return &subscriber{
		ring: s.ring, socket: sock, dropLag: s.opts.DropLagging, dropped: &s.dropped, cursor: next,
		done: make(chan struct{}), rewound: make(chan struct{}, 1),
	}
}

// run sends the ring to the client until it leaves or the ring is closed.
func (s *subscriber) run() {
	for {
		seg, missed, wait := s.ring.after(s.position())
		switch {
		case seg != nil:
			ok := s.sendSegment(seg, missed)
			seg.drop()
			if !ok {
				return
			}
		case wait == nil:
			return
		default:
			select {
			case <-wait:
			case <-s.rewound:
			case <-s.done:
				return
			}
		}
	}
}

func (s *subscriber) position() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// rewind lets the subscriber have again what is in the ring from a number on. It
// returns where that is: nothing older is left.
func (s *subscriber) rewind(to uint64) uint64 {
	first, _ := s.ring.bounds()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = min(s.cursor, max(to, first))
	select {
	case s.rewound <- struct{}{}:
	default:
	}
	return s.cursor
}

// sendSegment sends what the client wants of a segment, and waits until it was
// written. It returns false if the client is gone.
func (s *subscriber) sendSegment(seg *segment, missed uint64) bool {
	if missed > 0 {
		s.dropped.Add(missed)
		if s.dropLag {
			s.socket.Disconnect(false)
			return false
		}
		if !s.send(laggedBundle(missed)) {
			return false
		}
	}
	b, made := s.take(seg, missed > 0)
	if made > 0 {
		s.ring.charge(seg, made)
	}
	return len(b.messages) == 0 || s.send(b)
}

// take moves on behind seg and returns what the client wants of it, and what it
// took to encode that, in bytes.
func (s *subscriber) take(seg *segment, missed bool) (b *bundle, made int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := max(s.cursor, seg.first)
	s.cursor = seg.end()
	if missed {
		s.subs.forget()
	}
	if a, ok := s.subs.audience(seg); ok && from == seg.first {
		return seg.bundleFor(a)
	}
	var p packer
	for _, it := range seg.items[from-seg.first:] {
		s.subs.pack(&p, it)
	}
	return p.bundle(), p.made
}

// send writes a bundle and waits until that has happened.
func (s *subscriber) send(b *bundle) bool {
	written := make(chan struct{})
	s.socket.Conn().Send(bundleData{b}, packet.NewOptions(false), func(transports.Transport) { close(written) })
	select {
	case <-written:
		return true
	case <-s.done:
		return false
	}
}

// laggedBundle tells a client how many events it has missed.
func laggedBundle(missed uint64) *bundle {
	b := new(bundle)
	b.add("lagged", &encoded{text: []byte(`{"dropped":` + strconv.FormatUint(missed, 10) + `}`)})
	return b
}
