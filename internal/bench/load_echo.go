//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"
)

// An echoLoad opens WebSocket connections. On each a text frame is sent when the
// one before has come back.
type echoLoad struct {
	handshake []byte
}

// open makes all handshakes.
func (l echoLoad) open(ctx context.Context, addr string) (session, error) {
	s, err := openSession(addr, func(int) dialogue { return handshake{l.handshake} })
	if err != nil {
		return nil, err
	}
	t, err := s.run(ctx, 0)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	n := 0
	for _, c := range s.conns {
		c.dialogue = newEcho(n)
		n++
	}
	return &echoSession{epollSession: s, opened: t.requests}, nil
}

type echoSession struct {
	*epollSession
	opened int // connections that no tally has counted yet
}

func (s *echoSession) run(ctx context.Context, d time.Duration) (tally, error) {
	t, err := s.epollSession.run(ctx, d)
	t.counts = counts{websockets: s.opened, frames: 2 * len(t.latencies)}
	s.opened = 0
	return t, err
}

// A handshake is the dialogue that opens a WebSocket connection.
type handshake struct {
	request []byte
}

func (h handshake) next() []byte { return h.request }

func (h handshake) size(b []byte) (int, error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return 0, nil
	}
	end += len(headEnd)
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b[:end])), nil)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return 0, fmt.Errorf("answer is %s", res.Status)
	}
	if accept := res.Header.Get("Sec-WebSocket-Accept"); accept != chatAccept {
		return 0, fmt.Errorf("answer accepts %q, want %q", accept, chatAccept)
	}
	return end, nil
}

// An echo is the dialogue on an open connection. Each message has the
// connection's number and one of its own, so that none can be taken for another.
type echo struct {
	key   [maskKeyLen]byte
	frame []byte // as it is sent, masked
	back  []byte // as it must come back
	n     uint32
}

func newEcho(conn int) *echo {
	e := &echo{key: [...]byte{0x37, 0xfa, 0x21, byte(conn)}}
	message := chatMessage(conn)
	e.frame = textFrame(message, e.key[:])
	e.back = textFrame(message, nil)
	return e
}

func (e *echo) next() []byte {
	const digits = "0123456789abcdef"
	e.n++
	for i, n := messageNumber+messageDigits-1, e.n; i >= messageNumber; i, n = i-1, n>>4 {
		c := digits[n&0xf]
		e.back[longHead+i] = c
		e.frame[longHead+maskKeyLen+i] = c ^ e.key[i%maskKeyLen]
	}
	return e.frame
}

func (e *echo) size(b []byte) (int, error) {
	n := min(len(b), len(e.back))
	if !bytes.Equal(b[:n], e.back[:n]) {
		return 0, fmt.Errorf("the echo is %q, want %q", b[:n], e.back)
	}
	if n < len(e.back) {
		return 0, nil
	}
	return n, nil
}
