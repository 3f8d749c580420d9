package wsframe

import (
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/klauspost/compress/flate"
)

// errAbandoned is why a direction with context takeover cannot be inflated after
// a message whose end was not seen.
var errAbandoned = errors.New("a compressed message was abandoned")

// Appender takes content as it becomes known. It copies what it wants to keep of
// p, and may drop what is more than it wants. *traffic.Body is one.
type Appender interface{ Append(p []byte) }

// Inflater inflates the compressed messages of one direction (RFC 7692 section
// 7.2.2). It is used by one goroutine at a time. Whatever the sizes of messages,
// it holds 40 KiB at most, and between messages of a direction without context
// takeover nothing; inflating itself borrows about 60 KiB for the duration of a
// call, or of a message that comes in several pieces. There is no limit on what
// a message inflates to: all is passed on in pieces of at most 16 KiB, so that
// the Appender sets the limit and later messages are still understood.
type Inflater struct {
	noTakeover bool
	history    window // of the messages before; unused without takeover
	err        error

	// A message of which not all has been written: the engine that is at it,
	// inside a coroutine.
	engine *engine
	resume func() (struct{}, bool)
	stop   func()
}

// NewInflater returns an Inflater for a direction with context takeover or
// without. Both understand any window size.
func NewInflater(takeover bool) *Inflater { return &Inflater{noTakeover: !takeover} }

// Write inflates the next piece of a compressed message, cut anywhere, and
// appends to dst what became readable; last says that the message ends with it.
// p may be empty and is not kept. Content appears as soon as the sender flushed
// or ended a DEFLATE block, so that of a fragmented message it may all come with
// the last piece.
//
// After an error the message is over; what was appended of it is valid content.
// Without context takeover the next call begins the next message. With it later
// messages cannot be understood: every call returns the same error.
func (f *Inflater) Write(p []byte, last bool, dst Appender) error {
	if f.err != nil {
		return f.err
	}
	e := f.engine
	if e == nil {
		e = engines.Get().(*engine)
	}
	e.source.payload, e.source.last, e.dst = p, last, dst
	if f.engine == nil && last {
		return f.done(e, e.inflate(f.window(e)))
	}
	if f.engine == nil {
		f.begin(e)
	}
	if _, more := f.resume(); more {
		e.dst = nil
		return nil
	}
	f.engine, f.resume, f.stop = nil, nil, nil
	return f.done(e, e.err)
}

// Err returns why no further message can be inflated, nil if they can be.
func (f *Inflater) Err() error { return f.err }

// Abandon gives up a message whose last piece has not been written, if there is
// one, and what is held for it. It must be called when the connection ends.
func (f *Inflater) Abandon() {
	if f.engine == nil {
		return
	}
	f.stop()
	e := f.engine
	f.engine, f.resume, f.stop = nil, nil, nil
	_ = f.done(e, errAbandoned)
}

// begin starts a coroutine for a message of several pieces. It runs only inside
// resume, until it needs the next piece.
func (f *Inflater) begin(e *engine) {
	f.engine = e
	w := f.window(e)
	f.resume, f.stop = iter.Pull(func(yield func(struct{}) bool) {
		e.source.wait = func() bool { return yield(struct{}{}) }
		e.err = e.inflate(w)
	})
}

// window returns the history that a new message may refer to.
func (f *Inflater) window(e *engine) *window {
	if f.noTakeover {
		e.own.recent = e.own.recent[:0]
		return &e.own
	}
	return &f.history
}

// done gives the engine back after a message.
func (f *Inflater) done(e *engine, err error) error {
	if err != nil && !f.noTakeover {
		f.err, f.history = err, window{}
	}
	e.dst, e.err, e.source = nil, nil, source{}
	engines.Put(e)
	return err
}

// engine is what it takes to inflate a message. Connections share engines, so
// that an idle one has none.
type engine struct {
	reader io.Reader // of package flate; reads from source
	source source
	dst    Appender
	own    window // of a message without context takeover
	err    error  // how inflate ended, for a message of several pieces
	out    [16 << 10]byte
}

var engines = sync.Pool{New: func() any {
	e := new(engine)
	e.reader = flate.NewReader(&e.source)
	return e
}}

// inflate inflates one message. The reader ends at a block with BFINAL, which
// RFC 7692 section 7.2.3.4 allows inside a message: it is then set up again for
// the rest, with what came before as its dictionary. A payload of no bytes,
// which no compressor makes, is taken for an empty message.
func (e *engine) inflate(w *window) error {
	for e.source.more() {
		if err := e.reader.(flate.Resetter).Reset(&e.source, w.last()); err != nil {
			return err
		}
		if err := e.drain(w); err != nil {
			return err
		}
	}
	return e.source.err()
}

// drain passes on all that the reader gives up to its end.
func (e *engine) drain(w *window) error {
	for {
		n, err := e.reader.Read(e.out[:])
		if n > 0 && !e.source.given { // of an abandoned message nobody wants the rest
			e.dst.Append(e.out[:n])
			w.add(e.out[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// trailer follows the payload of each message: what its sender removed, and an
// empty final block that ends the reader.
const trailer = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// source gives the reader a payload and then the trailer. It is an
// io.ByteReader, which keeps the reader from reading more than it needs.
type source struct {
	payload []byte
	last    bool        // nothing comes behind payload
	wait    func() bool // gets the next piece, or returns false
	given   bool        // up: wait returned false
	trailed int         // how much of trailer was read
}

// more reports whether bytes of the payload are left, and waits for them.
func (s *source) more() bool {
	for len(s.payload) == 0 && !s.last && !s.given {
		s.given = !s.wait()
	}
	return len(s.payload) > 0
}

// err returns an error if the message was abandoned.
func (s *source) err() error {
	if s.given {
		return errAbandoned
	}
	return nil
}

func (s *source) ReadByte() (byte, error) {
	if len(s.payload) > 0 || s.more() {
		b := s.payload[0]
		s.payload = s.payload[1:]
		return b, nil
	}
	if s.given || s.trailed == len(trailer) {
		return 0, io.ErrUnexpectedEOF
	}
	s.trailed++
	return trailer[s.trailed-1], nil
}

func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.more() {
		n := copy(p, s.payload)
		s.payload = s.payload[n:]
		return n, nil
	}
	b, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

const (
	windowSize = 1 << maxWindowBits
	// windowMemory is how far a window grows before it is cut back to its
	// size: the more, the rarer that is.
	windowMemory = windowSize + windowSize/4
)

// window remembers the last 32 KiB of what was inflated. It grows with what has
// passed: a connection of few short messages needs little.
type window struct{ recent []byte }

// last returns the last 32 KiB, or as much as there is.
func (w *window) last() []byte { return w.recent[max(0, len(w.recent)-windowSize):] }

// add remembers p, of at most 16 KiB.
func (w *window) add(p []byte) {
	need := len(w.recent) + len(p)
	switch {
	case need > windowMemory:
		keep := windowSize - len(p)
		w.recent = append(w.recent[:0], w.recent[len(w.recent)-keep:]...)
	case need > cap(w.recent):
		size := min(max(need, 2*cap(w.recent)), windowMemory)
		w.recent = append(make([]byte, 0, size), w.recent...)
	}
	w.recent = append(w.recent, p...)
}
