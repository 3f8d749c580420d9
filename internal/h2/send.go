package h2

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/traffic"
)

// sending is the side of a stream that we send on. Conn.mu guards it.
type sending struct {
	window   int   // what we may send
	err      error // why the stream has ended, nil also if it ended well
	closed   bool  // the stream has ended
	readEnd  bool  // the peer has ended its message
	wroteEnd bool  // we have ended ours
	answered bool  // the final head of the response was written
	// lastData is where in the frames that wait the DATA frame begins that was
	// written last, if lastRound is the round of those.
	lastData  int
	lastRound uint64
	writable  gate
	stall     *time.Timer // nil until the stream has waited for a window
}

// What writes return that come at the wrong time.
var (
	errNoHead    = errors.New("write to a stream before the head of the response")
	errHeadTwice = errors.New("write a head after the final one")
	errWriteEnd  = errors.New("write to a stream after the end of the message")
)

// mayWrite says why nothing more can be written, nil if it can. It is called with
// c.mu held.
func (s *Stream) mayWrite() error {
	switch {
	case s.err != nil:
		return s.err
	case s.wroteEnd || s.closed:
		return errWriteEnd
	}
	return nil
}

// WriteHead sends the head of a response, on the server's side: 1xx, as many as
// wanted, then the final one. A head that may not be sent (RFC 9113 section 8.2
// and 8.3) is an error and changes nothing.
func (s *Stream) WriteHead(head Head) error {
	if err := checkResponse(head); err != nil {
		return fmt.Errorf("send a response: %w", err)
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.answered {
		return errHeadTwice
	}
	if err := s.writeBlock(head); err != nil {
		return err
	}
	s.answered = head.Status() >= 200
	return nil
}

// writeBlock sends a header block. It is called with c.mu held.
func (s *Stream) writeBlock(head Head) error {
	c := s.c
	s.awaitRoom(nil)
	if err := s.mayWrite(); err != nil {
		return err
	}
	c.out.put(c.encode(c.out.begin(), s.id, head))
	if head.End {
		s.endWrite()
	}
	return nil
}

// endWrite notes that our message has ended. It is called with c.mu held.
func (s *Stream) endWrite() {
	s.wroteEnd = true
	if s.readEnd {
		s.c.remove(s)
	}
}

// Write sends content. It keeps nothing of p, and returns when all is on its way
// to the connection, where the peer's windows and the connection leave room.
func (s *Stream) Write(p []byte) (int, error) { return s.write(p, false, nil) }

// WriteLast is Write and CloseWrite with no frame of its own for the end.
func (s *Stream) WriteLast(p []byte) (int, error) { return s.write(p, true, nil) }

// CloseWrite ends the message with a trailer section, which may be nil. Nothing
// happens if it has ended already.
func (s *Stream) CloseWrite(trailer traffic.Fields) error {
	if err := checkFields(trailer); err != nil {
		return fmt.Errorf("send a trailer section: %w", err)
	}
	if len(trailer) == 0 {
		_, err := s.write(nil, true, nil)
		if errors.Is(err, errWriteEnd) {
			return nil
		}
		return err
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.wroteEnd:
		return nil
	case c.handle != nil && !s.answered:
		return errNoHead
	}
	return s.writeBlock(Head{Fields: trailer, End: true})
}

// write is Write, or WriteLast, until cancel is closed, which is
// os.ErrDeadlineExceeded.
func (s *Stream) write(p []byte, end bool, cancel <-chan struct{}) (int, error) {
	n, err := s.send(p, end, cancel)
	if errors.Is(err, errStalled) {
		err = s.resetFor(StreamError{Code: CodeCancel, Stalled: true, Reason: err.Error()})
	}
	return n, err
}

// send writes p in as many frames as it takes, each of which waits its turn.
func (s *Stream) send(p []byte, end bool, cancel <-chan struct{}) (n int, err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.mayWrite(); err != nil {
		return 0, err
	}
	if c.handle != nil && !s.answered {
		return 0, errNoHead
	}
	for len(p) > 0 || end && !s.wroteEnd {
		if len(p) == 0 && s.endLast() {
			break
		}
		size, err := s.reserve(len(p), cancel)
		if err != nil {
			return n, err
		}
		s.sendData(p[:size], end && size == len(p))
		p = p[size:]
		n += size
	}
	return n, nil
}

// sendData appends a DATA frame to what is written next.
func (s *Stream) sendData(p []byte, last bool) {
	c := s.c
	var flags http2.Flags
	if last {
		flags = http2.FlagDataEndStream
	}
	frames := c.out.begin()
	s.lastData, s.lastRound = len(frames), c.out.round
	frames = appendFrame(frames, http2.FrameData, flags, s.id, len(p))
	c.out.put(append(frames, p...))
	c.expectUpdates(len(p))
	if last {
		s.endWrite()
	}
	if !c.out.full() {
		c.room.wake()
	}
}

// endLast ends the message with the DATA frame that was written last, if that
// still waits: the end takes no frame of its own then, as is best for the short
// answers of a proxy, which learns of the end after the content.
func (s *Stream) endLast() bool {
	o := &s.c.out
	if o.frames == nil || s.lastRound != o.round {
		return false
	}
	(*o.frames)[s.lastData+frameFlags] |= byte(http2.FlagDataEndStream)
	s.endWrite()
	return true
}
