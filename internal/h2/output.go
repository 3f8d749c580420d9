package h2

import (
	"runtime"
	"sync"
	"time"
)

const (
	// outputLimit is how many bytes of frames wait for the connection before
	// streams have to wait. A write has no more than that and one frame.
	outputLimit = 64 << 10
	// controlLimit is how many bytes of answers to the peer's frames wait. Those
	// cannot be held back: a peer goes over it that asks and reads no answers.
	controlLimit = 64 << 10
	// lastWriteTimeout bounds a write to a connection that is ending.
	lastWriteTimeout = time.Second
)

// outputs has buffers for frames to use again.
var outputs = sync.Pool{New: func() any {
	b := make([]byte, 0, outputLimit+defaultFrameSize+frameHeaderLen)
	return &b
}}

// output is what waits to be written. Conn.mu guards it.
type output struct {
	frames  *[]byte // nil for none
	control int     // how many bytes of it are answers
	round   uint64  // how often frames were taken
	writing bool    // the writer will look again before it waits
	closing bool    // the writer ends when all is written
	wake    gate    // of the writer
}

// begin returns the frames that wait, to append to. The caller sets them with
// put.
func (o *output) begin() []byte {
	if o.frames == nil {
		o.frames = outputs.Get().(*[]byte)
	}
	return *o.frames
}

// put sets the frames that wait, and sees to it that they are written.
func (o *output) put(frames []byte) {
	*o.frames = frames
	o.flush()
}

// flush makes the writer look for something to do.
func (o *output) flush() {
	if !o.writing {
		o.writing = true
		o.wake.open()
	}
}

// full reports whether streams have to wait.
func (o *output) full() bool { return o.frames != nil && len(*o.frames) >= outputLimit }

// reply is put for frames that the peer has asked for. It reports whether too
// many of them wait.
func (o *output) reply(frames []byte) (tooMany bool) {
	o.control += len(frames) - len(*o.frames)
	o.put(frames)
	return o.control > controlLimit
}

// write is the goroutine that writes to the connection. It ends when that has
// ended, and what waited is written.
func (c *Conn) write() {
	for range c.out.wake {
		// Handlers that are ready to run have something to send as well: let them,
		// and write it all at once.
		runtime.Gosched()
		for {
			frames, more := c.nextWrite()
			if frames == nil && !more {
				return
			}
			if frames == nil {
				break
			}
			if err := c.writeOut(frames); err != nil {
				c.end(failed("write", err))
				return
			}
		}
	}
}

// nextWrite takes what is to be written now. With nothing to write it reports
// whether there may be more later.
func (c *Conn) nextWrite() (frames *[]byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	frames = c.out.frames
	if frames == nil {
		c.out.writing = false
		return nil, !c.out.closing
	}
	c.out.frames, c.out.control = nil, 0
	c.out.round++
	c.room.wake()
	c.limitWrites()
	return frames, true
}

// limitWrites sets the deadline of writes. It is called with c.mu held, so that
// the last one stays.
func (c *Conn) limitWrites() {
	switch {
	case c.out.closing:
		_ = c.conn.SetWriteDeadline(time.Now().Add(lastWriteTimeout)) // the write will say it
	case c.cfg.StallTimeout > 0:
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.cfg.StallTimeout))
	}
}

// writeOut writes frames and lets them be used again.
func (c *Conn) writeOut(frames *[]byte) error {
	_, err := c.conn.Write(*frames)
	if cap(*frames) <= 2*outputLimit { // not one with a head of a megabyte
		*frames = (*frames)[:0]
		outputs.Put(frames)
	}
	return err
}
