//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/http2"
)

// A streamLoad repeats one request on as many streams as other loads have
// connections, all on one connection.
type streamLoad struct {
	dialer  tlsLoad
	request []byte
	body    []byte
}

func (l streamLoad) open(ctx context.Context, addr string) (session, error) {
	h, err := l.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &streamSession{streamLoad: l, h2Conn: h, next: 1, under: map[uint32]*asked{}}, nil
}

// connect opens the connection, on which nothing was asked yet.
func (l streamLoad) connect(ctx context.Context, addr string) (*h2Conn, error) {
	c, err := l.dialer.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != "h2" {
		return nil, errors.Join(fmt.Errorf("the server chose %q", got), c.Close())
	}
	h := newH2Conn(c)
	h.out = append(h.out, http2.ClientPreface...)
	h.greet()
	return h, nil
}

// asked is a request that is under way.
type asked struct {
	at    time.Time
	got   int  // bytes of the body
	begun bool // the head has come
}

type streamSession struct {
	streamLoad
	*h2Conn
	next      uint32 // stream
	under     map[uint32]*asked
	free      []*asked
	uncounted int // bytes without credit
	latencies []time.Duration
}

func (s *streamSession) close() { _ = s.Close() }

func (s *streamSession) run(ctx context.Context, d time.Duration) (tally, error) {
	began := time.Now()
	deadline := began.Add(d)
	if err := s.SetDeadline(deadline.Add(ioLimit)); err != nil {
		return tally{}, err
	}
	s.latencies = s.latencies[:0]
	for range connections {
		s.ask(began)
	}
	for len(s.under) > 0 && ctx.Err() == nil {
		frame, err := s.h2Conn.next()
		if err != nil {
			return tally{}, err
		}
		if err := s.take(frame, deadline); err != nil {
			return tally{}, err
		}
	}
	n := len(s.latencies)
	return tally{ops: float64(n), counts: counts{requests: n}, took: time.Since(began), latencies: s.latencies}, ctx.Err()
}

func (s *streamSession) ask(now time.Time) {
	a := new(asked)
	if n := len(s.free); n > 0 {
		a, s.free = s.free[n-1], s.free[:n-1]
	}
	*a = asked{at: now}
	s.under[s.next] = a
	s.head(s.next, s.request, http2.FlagHeadersEndStream)
	s.next += 2
}

// take checks what came, and asks again when an answer is complete.
func (s *streamSession) take(frame http2.Frame, deadline time.Time) error {
	a := s.under[frame.Header().StreamID]
	switch f := frame.(type) {
	case *http2.HeadersFrame:
		if a == nil || a.begun || s.first != "200" || f.StreamEnded() {
			return fmt.Errorf("an answer that begins with %q", s.first)
		}
		a.begun = true
	case *http2.DataFrame:
		p := f.Data()
		if a == nil || !bytes.HasPrefix(s.body[a.got:], p) {
			return errors.New("answer has the wrong body")
		}
		a.got += len(p)
		if s.uncounted += int(f.Length); s.uncounted >= h2Credit {
			s.credit(0, s.uncounted)
			s.uncounted = 0
		}
		if f.StreamEnded() {
			return s.answered(f.StreamID, a, deadline)
		}
	}
	return nil
}

func (s *streamSession) answered(stream uint32, a *asked, deadline time.Time) error {
	if a.got != len(s.body) {
		return errors.New("answer has not the whole body")
	}
	now := time.Now()
	s.latencies = append(s.latencies, now.Sub(a.at))
	delete(s.under, stream)
	s.free = append(s.free, a)
	if now.Before(deadline) {
		s.ask(now)
	}
	return nil
}

// A streamBulkLoad fetches the large answer on a stream.
type streamBulkLoad struct {
	streamLoad
	bulk []byte // the request
}

func (l streamBulkLoad) open(_ context.Context, addr string) (session, error) {
	return &streamBulkSession{l, addr}, nil
}

type streamBulkSession struct {
	streamBulkLoad
	addr string
}

func (s *streamBulkSession) close() {}

// run fetches the answer once, whatever d is.
func (s *streamBulkSession) run(ctx context.Context, _ time.Duration) (tally, error) {
	began := time.Now()
	h, err := s.connect(ctx, s.addr)
	if err != nil {
		return tally{}, err
	}
	defer func() { _ = h.Close() }()
	defer context.AfterFunc(ctx, func() { _ = h.Close() })()
	if err := h.SetDeadline(began.Add(bulkLimit)); err != nil {
		return tally{}, err
	}
	h.head(1, s.bulk, http2.FlagHeadersEndStream)
	answer := newBulkAnswer(bulkTLSBlocks, false)
	if err := receiveBulk(h, answer); err != nil {
		return tally{}, err
	}
	return tally{ops: answer.gib(), counts: counts{requests: 1}, took: time.Since(began)}, nil
}

// receiveBulk reads the large answer to the last byte.
func receiveBulk(h *h2Conn, answer bulkAnswer) error {
	units := bytes.Repeat(answer.unit, 2)
	left, uncounted := answer.units*len(answer.unit), 0
	for frames, at := 0, 0; ; frames++ {
		frame, err := h.next()
		if err != nil {
			return fmt.Errorf("read the body with %d bytes missing: %w", left, err)
		}
		f, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		p := f.Data()
		if frames%bulkSampling == 0 && !bytes.HasPrefix(units[at:], p) || len(p) > left {
			return fmt.Errorf("the body differs near byte %d from its end", left)
		}
		at = (at + len(p)) % len(answer.unit)
		left -= len(p)
		if f.StreamEnded() {
			break
		}
		if uncounted += len(p); uncounted >= h2Credit {
			h.credit(0, uncounted)
			h.credit(1, uncounted)
			uncounted = 0
		}
	}
	if left != 0 {
		return fmt.Errorf("the body ends with %d bytes missing", left)
	}
	return nil
}
