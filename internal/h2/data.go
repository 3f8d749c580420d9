package h2

import (
	"fmt"

	"golang.org/x/net/http2"
)

// idleFramesForData is what a DATA frame gives back to the budget of frames
// without content: some clients send two PINGs for each.
const idleFramesForData = 4

// data reads a DATA frame. Its payload does not pass through the framer, which
// would copy it once more.
func (r *reader) data(header http2.FrameHeader) error {
	content, padding, err := r.padding(header)
	if err != nil {
		return err
	}
	end := header.Flags.Has(http2.FlagDataEndStream)
	if content > 0 {
		r.idle.earn(idleFramesForData)
	} else if !end {
		if err := r.spend(1); err != nil {
			return err
		}
	}
	s, err := r.receiver(header, content)
	if err != nil {
		return err
	}
	if err := r.content(s, content); err != nil {
		return err
	}
	if err := r.content(nil, padding); err != nil {
		return err
	}
	if s != nil && end {
		return r.end(s)
	}
	return nil
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

// receiver returns the stream that n bytes of content are for, nil if they are to
// be skipped.
func (r *reader) receiver(header http2.FrameHeader, n int) (*Stream, error) {
	c, id := r.c, header.StreamID
	if !c.in.arrived(int(header.Length)) {
		return nil, &ConnError{Code: CodeFlowControl, Reason: "more content than the window of the connection"}
	}
	c.mu.Lock()
	s, idle := c.streams[id], c.isIdle(id)
	ended := s != nil && s.readEnd
	forgiven := s == nil && (c.err != nil || c.forgot.mayHave(id))
	c.mu.Unlock()
	switch {
	case idle:
		return nil, broken("DATA on stream %d, which is idle", id)
	case ended:
		return nil, r.refuse(id, CodeStreamClosed, "DATA after the end of the message")
	case forgiven:
		return nil, nil //nolint:nilnil // nobody is left to receive it, which is in order
	case s == nil:
		return nil, &ConnError{Code: CodeStreamClosed, Reason: fmt.Sprintf("DATA on stream %d, which has ended", id)}
	}
	if code, reason := s.accept(n, int(header.Length), r.slack()); code != CodeNo {
		return nil, r.refuse(id, code, reason)
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

// content moves n bytes of content to s as they come; for nil they are skipped,
// and the peer has credit for them at once.
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

// some returns what there is of n bytes, and waits for the first.
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

// end notes that the peer has ended its message on s.
func (r *reader) end(s *Stream) error {
	if err := s.checkEnd(); err != nil {
		return r.refuse(s.id, CodeProtocol, err.Error())
	}
	c := r.c
	c.mu.Lock()
	s.readEnd = true
	if s.wroteEnd && !s.closed {
		c.remove(s)
	}
	c.mu.Unlock()
	s.complete()
	return nil
}
