//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/net/http2"
)

// heldStreams is how many streams are open at a time.
const heldStreams = 1000

// holdMessage is what each of them has sent and got back, like a gRPC message of
// a hundred bytes.
var holdMessage = append([]byte{0, 0, 0, 0, 100}, make([]byte, 100)...)

// holdRounds is how many messages each stream has.
const holdRounds = 10

// startHolding starts necto record and opens n streams through it that stay
// open, on one connection.
func startHolding(n int) starter {
	record := startRecord(loadConnectStreams, trustingOrigin)
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		c, err := record(ctx, l, origin)
		if err != nil {
			return nil, err
		}
		held, err := hold(ctx, c.load.(streamLoad), c.addr(), origin.addr(), n)
		if err != nil {
			c.kill()
			return nil, fmt.Errorf("hold %d streams: %w", n, err)
		}
		stop := c.stop
		c.stop = func(counts) error {
			if err := held.release(); err != nil {
				return err
			}
			return stop(counts{requests: n})
		}
		return c, nil
	}
}

// held are streams that are open.
type held struct {
	*h2Conn
	n int
}

// hold opens n streams, each of which has its messages sent back.
func hold(ctx context.Context, l streamLoad, addr, authority string, n int) (*held, error) {
	conn, err := l.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	h := &held{conn, n}
	block := h2Block(":method", "POST", ":scheme", "https", ":authority", authority, ":path", holdPath,
		"content-type", "application/grpc", "te", "trailers")
	for i := range n {
		h.head(streamID(i), block, 0)
	}
	for range holdRounds {
		if err := h.exchange(holdMessage, false); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// streamID returns the identifier of a client's stream, counted from 0.
func streamID(i int) uint32 { return uint32(2*i + 1) }

// exchange sends p on all streams, and waits until it came back on all of them.
func (h *held) exchange(p []byte, end bool) error {
	if err := h.SetDeadline(time.Now().Add(ioLimit)); err != nil {
		return err
	}
	for i := range h.n {
		h.data(streamID(i), p, end)
	}
	for left, ended := h.n*len(p), 0; left > 0 || end && ended < h.n; {
		frame, err := h.next()
		if err != nil {
			return err
		}
		if f, ok := frame.(*http2.DataFrame); ok {
			left -= len(f.Data())
			if f.StreamEnded() {
				ended++
			}
			if f.Length > 0 {
				h.credit(0, int(f.Length))
			}
		}
	}
	return nil
}

// release ends the streams.
func (h *held) release() error {
	defer func() { _ = h.Close() }()
	return h.exchange(nil, true)
}
