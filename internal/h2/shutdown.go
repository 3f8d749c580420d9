package h2

import (
	"context"
	"encoding/binary"
	"io"
	"time"
)

// shutdownPing bounds the wait for a peer to see that we take no more streams.
const shutdownPing = time.Second

// Shutdown ends the connection in good order: the peer is asked for no more
// streams (RFC 9113 section 6.8), and the connection is closed when those that are
// open have ended. If ctx ends before that, Shutdown closes it and returns the
// context's error. Run must be running.
func (c *Conn) Shutdown(ctx context.Context) error {
	if c.announce() {
		// What the peer has sent until it knows is still served.
		ping, cancel := context.WithTimeout(ctx, shutdownPing)
		_ = c.Ping(ping) // the end of the connection, or of the wait, is no failure
		cancel()
	}
	c.drain()
	select {
	case <-c.ctx.Done():
		return nil
	case <-ctx.Done():
		c.Close()
		return context.Cause(ctx)
	}
}

// announce sends a server's first GOAWAY. It reports whether there is a peer that
// should have time to see it.
func (c *Conn) announce() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil || c.err != nil || c.draining || len(c.streams) == 0 {
		return false
	}
	c.out.put(appendGoAway(c.out.begin(), maxWindow, CodeNo, ""))
	return true
}

// drain takes no more streams.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.draining {
		return
	}
	c.draining = true
	c.out.put(appendGoAway(c.out.begin(), c.lastPeer, CodeNo, ""))
	c.slots.wakeAll()
	c.endIfDrained()
}

// endIfDrained ends a connection that takes no more streams when it has none. It
// is called with c.mu held.
func (c *Conn) endIfDrained() {
	if len(c.streams) > 0 || c.err != nil {
		return
	}
	if c.draining {
		c.endLocked(ErrClosed)
	} else if c.goAway != nil {
		c.endLocked(c.leftErr(io.EOF))
	}
}

// idleUntil returns when the connection is to end if there is no stream until
// then.
func (c *Conn) idleUntil() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) > 0 {
		return time.Now().Add(c.cfg.IdleTimeout)
	}
	return c.idle.Add(c.cfg.IdleTimeout)
}

// closeIdle ends the connection if it had no stream for long enough, and reports
// whether it has.
func (c *Conn) closeIdle(now time.Time) bool {
	c.mu.Lock()
	idle := len(c.streams) == 0 && !now.Before(c.idle.Add(c.cfg.IdleTimeout))
	c.mu.Unlock()
	if idle {
		c.drain()
	}
	return idle
}

// Ping asks the peer for an answer and waits for it. It returns the context's
// error, or why the connection has ended.
func (c *Conn) Ping(ctx context.Context) error {
	n, answered := c.sendPing()
	select {
	case <-answered:
		return nil
	case <-c.ctx.Done():
		return c.err
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.pings, n)
		c.mu.Unlock()
		return context.Cause(ctx)
	}
}

// sendPing sends a PING. The channel is closed by the answer.
func (c *Conn) sendPing() (n uint64, answered chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answered = make(chan struct{})
	c.lastPing++
	c.pings[c.lastPing] = answered
	if c.err == nil {
		c.out.put(appendPing(c.out.begin(), false, pingData(c.lastPing)))
	}
	return c.lastPing, answered
}

// askAlive sends a PING whose answer need not be waited for: anything that comes
// is one.
func (c *Conn) askAlive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.out.put(appendPing(c.out.begin(), false, pingData(0)))
	}
}

func pingData(n uint64) (data [8]byte) {
	binary.BigEndian.PutUint64(data[:], n)
	return data
}
