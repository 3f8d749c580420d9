package h2

import (
	"fmt"

	"golang.org/x/net/http2"
)

// data reads a DATA frame.
func (r *reader) data(header http2.FrameHeader) error {
	if header.StreamID == 0 || r.isIdle(header.StreamID) {
		return broken("DATA on stream %d, which is idle", header.StreamID)
	}
	size := int(header.Length)
	content, padding, err := r.padding(header)
	if err != nil {
		return err
	}
	if !r.c.in.arrived(size) {
		return &ConnError{Code: CodeFlowControl, Reason: "more content than the connection's window"}
	}
	end := header.Flags.Has(http2.FlagDataEndStream)
	if content > 0 {
		r.idle.earn(idleFramesForData)
	} else if err := r.empty(end); err != nil {
		return err
	}
	s, err := r.receiver(header.StreamID)
	if err != nil {
		return err
	}
	if s != nil {
		reason, code := s.accept(content, size, r.slack())
		if reason != "" {
			err, s = r.refuse(s.id, code, reason), nil
		}
	}
	if err == nil {
		err = r.content(s, content)
	}
	if err == nil {
		err = r.skip(padding)
	}
	if err == nil && s != nil && end {
		err = r.end(s)
	}
	return err
}

// idleFramesForData is what a DATA frame gives back to the budget of frames
// without content: some clients send two PINGs for each.
const idleFramesForData = 4

// empty pays for a DATA frame without content, of which one is needed at the end
// of a message and none before.
func (r *reader) empty(end bool) error {
	if end {
		return nil
	}
	return r.spend(1)
}

// padding returns how many bytes of content and of padding are to come, whose
// length it reads.
func (r *reader) padding(header http2.FrameHeader) (content, padding int, err error) {
	size := int(header.Length)
	if !header.Flags.Has(http2.FlagDataPadded) {
		return size, 0, nil
	}
	if size == 0 {
		return 0, 0, &ConnError{Code: CodeFrameSize, Reason: "padding without a length"}
	}
	b, err := r.buf.ReadByte()
	if err != nil {
		return 0, 0, r.failure(err)
	}
	if int(b) >= size {
		return 0, 0, broken("more padding than DATA")
	}
	return size - 1 - int(b), int(b), nil
}

// receiver returns the stream that content came for, nil if it has ended.
func (r *reader) receiver(id uint32) (*Stream, error) {
	c := r.c
	c.mu.Lock()
	s := c.streams[id]
	ended := s != nil && s.readEnd
	forgiven := c.forgot.mayHave(id) || c.err != nil
	c.mu.Unlock()
	switch {
	case ended:
		return nil, r.refuse(id, CodeStreamClosed, "DATA after the end of the message")
	case s == nil && !forgiven:
		return nil, &ConnError{Code: CodeStreamClosed, Reason: fmt.Sprintf("DATA on stream %d, which has ended", id)}
	}
	return s, nil
}

// slack is how much more than its window the peer may send on a stream: before it
// knows ours, the one that all begin with (RFC 9113 section 6.9.3).
func (r *reader) slack() int {
	if r.acked {
		return 0
	}
	return max(0, defaultWindow-r.c.cfg.StreamWindow)
}

// content moves n bytes of content to s, as they come; for nil they are skipped.
func (r *reader) content(s *Stream, n int) error {
	for n > 0 {
		p, err := r.some(n)
		if err != nil {
			return err
		}
		unread := 0
		if s != nil && s.receive(p) {
			unread = len(p)
		}
		r.c.give(nil, 0, r.c.in.unreadBy(unread))
		n -= len(p)
		_, _ = r.buf.Discard(len(p)) // it is there
	}
	return nil
}

// some returns up to n bytes, what has come of them, and waits for the first.
func (r *reader) some(n int) ([]byte, error) {
	if r.buf.Buffered() == 0 {
		if _, err := r.buf.Peek(1); err != nil {
			return nil, r.failure(err)
		}
	}
	p, err := r.buf.Peek(min(n, r.buf.Buffered()))
	if err != nil {
		return nil, r.failure(err)
	}
	return p, nil
}

// skip reads padding, whose credit the peer gets back at once.
func (r *reader) skip(n int) error {
	if n == 0 {
		return nil
	}
	return r.content(nil, n)
}

// end notes that the peer has ended its message on s.
func (r *reader) end(s *Stream) error {
	if err := s.checkEnd(); err != nil {
		return r.refuse(s.id, CodeProtocol, err.Error())
	}
	c := r.c
	c.mu.Lock()
	s.readEnd = true
	if s.wroteEnd {
		c.remove(s)
	}
	c.mu.Unlock()
	s.complete()
	return nil
}
