package h2

import (
	"fmt"
	"net/http"

	"golang.org/x/net/http2"
)

// headers reads a HEADERS frame: a new stream, a response, or trailers.
func (r *reader) headers(f *http2.HeadersFrame) error {
	id, end := f.StreamID, f.StreamEnded() // the frame is gone once the next one is read
	onItself := f.HasPriority() && f.Priority.StreamDep == id
	head, err := r.block(f)
	if err != nil {
		return err
	}
	head.End = end
	r.idle.earn(1)
	c := r.c
	c.mu.Lock()
	s, opens := c.streams[id], c.isIdle(id)
	forgiven := s == nil && !opens && (c.err != nil || c.forgot.mayHave(id))
	c.mu.Unlock()
	switch {
	case opens && (c.handle == nil || id%2 == 0):
		return broken("HEADERS on stream %d, which we have not opened", id)
	case onItself:
		return r.selfDependent(id)
	case opens:
		return r.open(id, head)
	case forgiven:
		return nil
	case s == nil:
		return &ConnError{Code: CodeStreamClosed, Reason: fmt.Sprintf("HEADERS on stream %d, which has ended", id)}
	default:
		return r.more(s, head)
	}
}

// selfDependent refuses a stream that depends on itself (RFC 7540 section
// 5.3.1), which nobody sends in good faith.
func (r *reader) selfDependent(id uint32) error {
	r.c.mu.Lock()
	r.c.lastPeer = max(r.c.lastPeer, id)
	r.c.mu.Unlock()
	return r.refuse(id, CodeProtocol, "a stream that depends on itself")
}

// open takes a new stream of the peer.
func (r *reader) open(id uint32, head Head) error {
	c := r.c
	s := newStream(c, head)
	s.id = id
	err := checkRequest(head)
	if err == nil {
		err = s.expect(head, head.Pseudo.Get(":method") == http.MethodConnect, false)
	}
	c.mu.Lock()
	c.lastPeer = id
	extended := c.cfg.ExtendedConnect || !head.Pseudo.Has(":protocol")
	busy := len(c.streams) >= int(c.cfg.MaxStreams) || c.running >= handlersPerStream*int(c.cfg.MaxStreams) || c.draining
	ok := err == nil && extended && !busy && c.err == nil
	if ok {
		s.window = int(c.peer.StreamWindow)
		s.readEnd = head.End
		c.streams[id] = s
		c.running++
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		return r.turnAway(id, CodeProtocol, err.Error())
	case !extended:
		return r.turnAway(id, CodeProtocol, "a :protocol that was not offered")
	case !ok:
		return r.turnAway(id, CodeRefusedStream, "more streams than we take")
	}
	if head.End {
		s.complete()
	}
	c.handlers.Go(s.serve)
	return nil
}

// handlersPerStream is how many handlers may run for each stream that may be
// open: those of streams that the peer has reset need a moment to end.
const handlersPerStream = 2

// turnAway refuses a stream that no handler has seen.
func (r *reader) turnAway(id uint32, code Code, reason string) error {
	err := r.refuse(id, code, reason)
	if r.c.cfg.Refused != nil {
		r.c.cfg.Refused(&StreamError{Stream: id, Code: code, Reason: reason})
	}
	return err
}

// more takes a head of a response, or a trailer section.
func (r *reader) more(s *Stream, head Head) error {
	r.c.mu.Lock()
	ended := s.readEnd
	r.c.mu.Unlock()
	if ended {
		return r.refuse(s.id, CodeStreamClosed, "HEADERS after the end of the message")
	}
	if head.Cut {
		return r.refuse(s.id, CodeEnhanceYourCalm, tooLong)
	}
	var err error
	if r.c.handle == nil && !s.hasFinal {
		err = s.response(head)
	} else {
		err = s.trailers(head)
	}
	if err != nil {
		return r.refuse(s.id, CodeProtocol, err.Error())
	}
	if head.End {
		return r.end(s)
	}
	return nil
}
