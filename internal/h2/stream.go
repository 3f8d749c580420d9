package h2

import (
	"context"
	"sync"
	"time"
)

// Stream is one request and its answer. One goroutine at a time may read from it
// and one write to it; Reset, Close and Context may be called at any time.
//
// Once a stream was reset, its methods return the same *StreamError, and once the
// connection has ended why it did. What came before that is still read first.
type Stream struct {
	c    *Conn
	id   uint32
	head Head
	sending

	mu sync.Mutex // guards ctx, cancel, and what receiving says it does
	receiving
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// newStream returns a stream that is not open yet.
func newStream(c *Conn, head Head) *Stream {
	s := &Stream{c: c, head: head}
	s.heads = s.firstHead[:0]
	s.length = -1
	s.in = inflow{window: c.cfg.StreamWindow, size: c.cfg.StreamWindow, limit: c.cfg.StreamWindow}
	return s
}

// ID returns the identifier of the stream.
func (s *Stream) ID() uint32 { return s.id }

// Head returns the head of the request, on both sides. It must not be changed.
func (s *Stream) Head() Head { return s.head }

// Context ends when the stream was reset, the connection has ended, or, on a
// server, the handler has returned. Its cause is then what methods return; after a
// stream that ended well it is context.Canceled.
func (s *Stream) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(s.c.ctx)
		if s.failure != nil || s.dropped {
			s.cancel(s.failure)
		}
	}
	return s.ctx
}

// serve is the goroutine of a stream that the peer has opened.
func (s *Stream) serve() {
	defer s.served()
	s.c.handle(s)
}

// served ends a stream whose handler has returned.
func (s *Stream) served() {
	c := s.c
	c.mu.Lock()
	c.running--
	code := CodeInternal
	if s.wroteEnd {
		code = CodeNo
	}
	c.mu.Unlock()
	s.end(code)
}

// Reset ends the stream with a RST_STREAM frame; nothing happens if it has ended
// already. Reads and writes that wait return at once.
func (s *Stream) Reset(code Code) { _ = s.resetFor(StreamError{Code: code}) }

// resetFor is Reset because of what is complete but for the stream. It returns why
// the stream has ended.
func (s *Stream) resetFor(because StreamError) error {
	c := s.c
	c.mu.Lock()
	if s.closed {
		defer c.mu.Unlock()
		return s.err
	}
	e := new(because) // only now: most streams have ended
	e.Stream = s.id
	c.forgot.add(s.id)
	c.out.put(appendReset(c.out.begin(), s.id, e.Code))
	c.forget(s, e)
	c.mu.Unlock()
	s.lost(e)
	s.drop()
	return e
}

// Close ends the stream: nothing happens if both messages were finished, else it
// is reset, with CodeCancel, or with CodeNo by a server that has answered, where
// only the end of the request is missing (RFC 9113 section 8.1).
func (s *Stream) Close() error {
	s.c.mu.Lock()
	code := CodeCancel
	if s.c.handle != nil && s.wroteEnd {
		code = CodeNo
	}
	s.c.mu.Unlock()
	s.end(code)
	return nil
}

// end resets a stream that has not ended, and lets go of what it has.
func (s *Stream) end(code Code) {
	s.Reset(code)
	s.drop()
	s.mu.Lock()
	cancel := s.cancel
	s.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// forget ends a stream because of err. The caller tells it, by lost. It is called
// with c.mu held, like remove.
func (c *Conn) forget(s *Stream, err error) {
	s.err = err
	s.writable.open()
	c.remove(s)
}

// remove takes a stream that has ended out of the connection.
func (c *Conn) remove(s *Stream) {
	s.closed = true
	delete(c.streams, s.id)
	if len(c.streams) == 0 && c.cfg.IdleTimeout > 0 {
		c.idle = time.Now()
	}
	c.slots.wake()
	c.endIfDrained()
}
