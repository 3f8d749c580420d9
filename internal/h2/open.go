package h2

import (
	"context"
	"errors"
	"fmt"
)

// Open sends the head of a request on a new stream. While the peer has as many
// streams as it takes, Open waits for one to end, or for ctx. An error is a
// *StreamError that is Unprocessed, unless the head itself is wrong or ctx has
// ended. The caller closes the stream.
func (c *Conn) Open(ctx context.Context, head Head) (*Stream, error) {
	if err := checkRequest(head); err != nil {
		return nil, fmt.Errorf("send a request: %w", err)
	}
	s := newStream(c, head)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		c.slots.leave(s.writable)
		c.slots.wake() // for the next one, who waited behind us
	}()
	for taken := false; !taken; taken = c.hasSlot(s) { // others may open one while we wait for room
		if err := c.awaitSlot(ctx, s); err != nil {
			return nil, err
		}
		if !s.awaitRoom(ctx.Done()) {
			return nil, context.Cause(ctx)
		}
	}
	if head.Pseudo.Has(":protocol") && !c.peer.ExtendedConnect {
		return nil, errors.New("send a request: the peer does not take :protocol")
	}
	s.id = c.nextOwn
	c.nextOwn += 2
	s.window = int(c.peer.StreamWindow)
	s.wroteEnd = head.End
	c.streams[s.id] = s
	c.out.put(c.encode(c.out.begin(), s.id, head))
	return s, nil
}

// awaitSlot waits until the peer has fewer streams than it takes. The caller
// leaves the line.
func (c *Conn) awaitSlot(ctx context.Context, s *Stream) error {
	for c.mayOpen() && !c.hasSlot(s) {
		c.slots.join(s.writable.made())
		if !c.wait(s.writable, ctx.Done()) {
			return context.Cause(ctx)
		}
	}
	if !c.mayOpen() {
		return c.takesNone()
	}
	return nil
}

// hasSlot reports whether s may be one more stream.
func (c *Conn) hasSlot(s *Stream) bool {
	return c.mayOpen() && c.slots.free(s.writable) && uint32(len(c.streams)) < c.peer.MaxStreams
}

// CanOpen reports whether Open may succeed: the connection has not ended, and
// the peer sent no GOAWAY.
func (c *Conn) CanOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayOpen()
}

// mayOpen is CanOpen with c.mu held.
func (c *Conn) mayOpen() bool {
	return c.err == nil && c.goAway == nil && !c.draining && c.nextOwn <= maxWindow
}

// takesNone says why no stream can be opened.
func (c *Conn) takesNone() error {
	reason := "the connection takes no more streams"
	if c.err != nil {
		reason = c.err.Error()
	}
	return &StreamError{Code: CodeRefusedStream, Unprocessed: true, Reason: reason}
}

// unprocessed returns the error of a stream that the peer has not looked at.
func unprocessed(id uint32) error {
	return &StreamError{Stream: id, Code: CodeRefusedStream, Remote: true, Unprocessed: true}
}
