package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// maxUnreadHeads is how many heads of a response wait to be read. A server that
// sends more 1xx than that at once has run wild.
const maxUnreadHeads = 32

// receiving is the side of a stream that the peer sends on.
type receiving struct {
	// Of the reader alone:
	hasFinal bool  // the final head of the response has come
	tunnel   bool  // what comes is a tunnel's, without an end of its own
	got      int64 // bytes of content that came

	in     inflow // of the stream; Stream.mu guards it and what follows
	length int64  // of the content, -1 if not known
	heads  []Head // not read yet
	// firstHead is the room of heads, which mostly has no more.
	firstHead [1]Head
	queue     queue
	trailer   traffic.Fields
	ended     bool  // the whole message has come
	dropped   bool  // nobody will read
	failure   error // why there will be no more
	readable  gate
}

// expect takes over what a head says of the content that follows: a tunnel's
// bytes, none at all, or what content-length says.
func (s *Stream) expect(head Head, tunnel, none bool) error {
	length, err := contentLength(head.Fields)
	switch {
	case err != nil:
		return err
	case tunnel:
		length = -1
	case none:
		length = 0
	case head.End && length > 0:
		return errShort
	case head.End:
		length = 0
	}
	s.tunnel = tunnel
	s.mu.Lock()
	defer s.mu.Unlock()
	s.length = length
	return nil
}

var (
	errShort      = errors.New("less content than content-length says")
	errReadClosed = errors.New("read from a stream that was closed")
)

// response takes a head of the response.
func (s *Stream) response(head Head) error {
	if err := checkResponse(head); err != nil {
		return err
	}
	if status := head.Status(); status >= 200 {
		s.hasFinal = true
		method := s.head.Pseudo.Get(":method")
		tunnel := method == http.MethodConnect && status < 300
		if err := s.expect(head, tunnel, hasNoContent(method, status)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heads) == maxUnreadHeads {
		return errors.New("too many heads of one response")
	}
	s.heads = append(s.heads, head)
	s.readable.open()
	return nil
}

// trailers takes a trailer section.
func (s *Stream) trailers(head Head) error {
	switch {
	case s.tunnel:
		return errors.New("a trailer section in a tunnel")
	case !head.End:
		return errors.New("a trailer section that does not end the message")
	case len(head.Pseudo) > 0:
		return fmt.Errorf("a trailer section with the field %.80q", head.Pseudo[0].Name)
	}
	if err := checkFields(head.Fields); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = head.Fields
	return nil
}

// accept notes that a DATA frame of size bytes has begun, n of them content. It
// returns CodeNo, or what is wrong with it.
func (s *Stream) accept(n, size, slack int) (code Code, reason string) {
	s.got += int64(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.c.handle == nil && !s.hasFinal:
		return CodeProtocol, "DATA before the head of the response"
	case !s.in.take(size, slack):
		return CodeFlowControl, "more content than the window"
	case s.length >= 0 && s.got > s.length:
		return CodeProtocol, "more content than content-length says"
	}
	return CodeNo, ""
}

// receive keeps p for Read. It reports false if nobody will read it.
func (s *Stream) receive(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped || s.failure != nil {
		return false
	}
	s.queue.write(p)
	s.in.unread = s.queue.size
	s.readable.open()
	return true
}

// checkEnd says what is wrong with the end of a message.
func (s *Stream) checkEnd() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.c.handle == nil && !s.hasFinal:
		return errors.New("the end of a message before its head")
	case s.length > 0 && s.got < s.length:
		return errShort
	}
	return nil
}

// complete notes that the whole message has come.
func (s *Stream) complete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.readable.open()
}

// lost notes that the stream has ended because of err. What came before is still
// read, and so is a message that has come as a whole.
func (s *Stream) lost(err error) {
	s.mu.Lock()
	if s.failure == nil {
		s.failure = err
	}
	cancel := s.cancel
	s.readable.open()
	s.mu.Unlock()
	if cancel != nil {
		cancel(err)
	}
}

// drop forgets what was not read, and gives the peer credit for it.
func (s *Stream) drop() {
	s.mu.Lock()
	n := s.queue.drop()
	s.dropped = true
	s.readable.open()
	s.mu.Unlock()
	if n > 0 {
		s.c.give(nil, 0, s.c.in.unreadBy(-n))
	}
}

// ReadHead waits for the next head of the response, on the client's side: 1xx as
// many as there are, then the final one. It returns the context's error if that
// ends first, and leaves the stream open.
func (s *Stream) ReadHead(ctx context.Context) (Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.heads) == 0 && s.failure == nil && !s.dropped {
		if !s.wait(ctx.Done()) {
			return Head{}, context.Cause(ctx)
		}
	}
	if len(s.heads) == 0 {
		return Head{}, s.why()
	}
	head := s.heads[0]
	s.heads = slices.Delete(s.heads, 0, 1)
	return head, nil
}

// wait waits until there may be something to read. It is called with s.mu held,
// and reports false if cancel was closed.
func (s *Stream) wait(cancel <-chan struct{}) bool {
	readable := s.readable.made()
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-readable:
		return true
	case <-cancel:
		return false
	}
}

// why returns why there is nothing more to read. It is called with s.mu held.
func (s *Stream) why() error {
	if s.failure != nil {
		return s.failure
	}
	return errReadClosed
}

// Length returns how long the content is that Read returns, in bytes: what
// content-length says, 0 for none, -1 if nothing says it. On the client's side it
// is known after the final head.
func (s *Stream) Length() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.length
}

// Read reads content. It returns io.EOF at the end of the message, perhaps
// together with the last bytes.
func (s *Stream) Read(p []byte) (int, error) { return s.read(p, nil) }

// read is Read until cancel is closed, which is os.ErrDeadlineExceeded.
func (s *Stream) read(p []byte, cancel <-chan struct{}) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	for s.queue.size == 0 && !s.ended && s.failure == nil && !s.dropped {
		if !s.wait(cancel) {
			s.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := s.queue.read(p)
	s.in.unread = s.queue.size
	var credit uint32
	var err error
	switch {
	case s.ended && s.queue.size == 0 && !s.dropped:
		err = io.EOF
	case n == 0:
		err = s.why()
	case !s.ended && s.failure == nil:
		credit = s.in.credit()
	}
	s.mu.Unlock()
	if n > 0 {
		s.c.give(s, credit, s.c.in.unreadBy(-n))
	}
	return n, err
}

// Trailer returns the trailer section, nil for none, once Read has returned
// io.EOF.
func (s *Stream) Trailer() traffic.Fields {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended || s.queue.size > 0 {
		return nil
	}
	return s.trailer
}
