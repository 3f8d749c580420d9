package h2

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/net/http2"
)

// readBuffer is the size of the buffer that frames are read through, in bytes: a
// record of TLS, and what is left of one before.
const readBuffer = 32 << 10

// reader reads frames and does what they say. It is the only one that reads from
// the connection; its methods run in the goroutine of Run.
type reader struct {
	c      *Conn
	src    source
	buf    *bufio.Reader
	framer *http2.Framer
	blocks blockDecoder
	// greeted means that the first frame, a SETTINGS frame, has come; acked that
	// ours was acknowledged.
	greeted, acked bool
	idle, resets   budget
}

func newReader(c *Conn) *reader {
	r := &reader{c: c, src: source{c: c, last: time.Now()}}
	r.src.greeting = r.src.last.Add(c.cfg.SettingsTimeout)
	r.buf = bufio.NewReaderSize(&r.src, readBuffer)
	r.framer = http2.NewFramer(nil, r.buf)
	r.framer.SetMaxReadFrameSize(defaultFrameSize)
	r.blocks.init(c.cfg.MaxHeaderList)
	r.idle = newBudget(idleFrames, idleFramesPerSecond)
	r.resets = newBudget(resets, resetsPerSecond)
	return r
}

// read does what the peer's frames say until the connection ends, and returns
// why.
func (r *reader) read() error {
	if r.c.handle != nil {
		if err := r.readPreface(); err != nil {
			return err
		}
	}
	for {
		if err := r.next(); err != nil {
			return err
		}
	}
}

// readPreface reads what a client begins with (RFC 9113 section 3.4).
func (r *reader) readPreface() error {
	r.src.inside = true
	for i := range len(preface) {
		b, err := r.buf.ReadByte()
		if err != nil {
			return r.failure(err)
		}
		if b != preface[i] {
			return broken("no HTTP/2 preface: %q", append([]byte(preface[:i]), b))
		}
	}
	return nil
}

// next reads a frame and does what it says.
func (r *reader) next() error {
	if r.buf.Buffered() == 0 {
		r.src.inside = false
		if _, err := r.buf.Peek(1); err != nil {
			return r.failure(err)
		}
	}
	r.src.inside = true
	header, err := r.framer.ReadFrameHeader()
	if err != nil {
		return r.failure(err)
	}
	if !r.greeted && (header.Type != http2.FrameSettings || header.Flags.Has(http2.FlagSettingsAck)) {
		return broken("the first frame is %v and not SETTINGS", header.Type)
	}
	if header.Type == http2.FrameData {
		return r.data(header)
	}
	frame, err := r.framer.ReadFrameForHeader(header)
	if err != nil {
		return r.malformed(header, err)
	}
	return r.do(frame)
}

// do does what a frame says that is no DATA frame.
func (r *reader) do(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.HeadersFrame:
		return r.headers(f)
	case *http2.WindowUpdateFrame:
		return r.windowUpdate(f)
	case *http2.RSTStreamFrame:
		return r.reset(f)
	case *http2.SettingsFrame:
		return r.settings(f)
	case *http2.PingFrame:
		return r.ping(f)
	case *http2.GoAwayFrame:
		return r.goAway(f)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return r.refuse(f.StreamID, CodeProtocol, "a stream that depends on itself")
		}
	case *http2.PushPromiseFrame:
		return broken("a PUSH_PROMISE that nobody asked for")
	}
	return r.spend(1) // a frame that says nothing to us
}

// spend takes n from the budget of frames that bring nothing forward.
func (r *reader) spend(n int) error {
	if !r.idle.spend(n) {
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many frames without content"}
	}
	return nil
}

// malformed says what a frame means that could not be parsed.
func (r *reader) malformed(header http2.FrameHeader, err error) error {
	e, ok := errors.AsType[http2.StreamError](err)
	if !ok {
		return r.failure(err)
	}
	if header.Type == http2.FrameHeaders || r.isIdle(header.StreamID) {
		// The block was not decoded, after which no other one can be.
		return &ConnError{Code: e.Code, Reason: "invalid " + header.Type.String()}
	}
	return r.refuse(e.StreamID, e.Code, "invalid "+header.Type.String())
}

// failure returns err, of reading a frame, as the end of the connection.
func (r *reader) failure(err error) error {
	if e, ok := errors.AsType[http2.ConnectionError](err); ok {
		reason := "an invalid frame"
		if detail := r.framer.ErrorDetail(); detail != nil {
			reason = detail.Error()
		}
		return &ConnError{Code: Code(e), Reason: reason}
	}
	switch {
	case errors.Is(err, http2.ErrFrameTooLarge):
		return &ConnError{Code: CodeFrameSize, Reason: "a frame longer than we take"}
	case r.src.err == nil:
		return &ConnError{Code: CodeFrameSize, Reason: "a frame too short for what it has"}
	case errors.Is(r.src.err, errSilent):
		return errSilent
	}
	if e, ok := errors.AsType[*ConnError](r.src.err); ok {
		return e
	}
	if r.src.inside && errors.Is(r.src.err, io.EOF) {
		return r.c.left(io.ErrUnexpectedEOF)
	}
	return r.c.left(r.src.err)
}

// broken returns the error for a peer that broke a rule.
func broken(format string, args ...any) error {
	return &ConnError{Code: CodeProtocol, Reason: fmt.Sprintf(format, args...)}
}

// isIdle reports whether nobody has opened the stream yet.
func (r *reader) isIdle(id uint32) bool {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isIdle(id)
}

// isIdle is called with c.mu held.
func (c *Conn) isIdle(id uint32) bool {
	if c.handle == nil {
		return id%2 == 0 || id >= c.nextOwn
	}
	return id%2 == 0 || id > c.lastPeer
}

// refuse resets a stream because of what the peer has done.
func (r *reader) refuse(id uint32, code Code, reason string) error {
	e := &StreamError{Stream: id, Code: code, Reason: reason}
	c := r.c
	c.mu.Lock()
	if c.isIdle(id) {
		c.mu.Unlock()
		return broken("stream %d, which is idle: %s", id, reason)
	}
	c.forgot.add(id)
	tooMany := c.err == nil && c.out.reply(appendReset(c.out.begin(), id, code))
	s := c.streams[id]
	if s != nil {
		c.forget(s, e)
	}
	c.mu.Unlock()
	if s != nil {
		s.lost(e)
	}
	if tooMany || !r.resets.spend(1) {
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many streams that had to be reset"}
	}
	return nil
}
