//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// A tlsLoad repeats one request over TLS on all connections. crypto/tls wants
// blocking reads, so each connection has a goroutine; the buffers are reused
// and the same for every server measured.
type tlsLoad struct {
	request []byte
	body    []byte
	config  *tls.Config
	// connect, if not empty, is the host:port asked for with CONNECT before
	// the handshake.
	connect string
}

func (l tlsLoad) open(ctx context.Context, addr string) (session, error) {
	s := &tlsSession{request: l.request}
	g, ctx := errgroup.WithContext(ctx)
	for range connections {
		c := &tlsConn{check: checker{body: l.body}, buf: make([]byte, 32<<10)}
		s.conns = append(s.conns, c)
		g.Go(func() (err error) {
			c.Conn, err = l.dial(ctx, addr)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (l tlsLoad) dial(ctx context.Context, addr string) (*tls.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := raw.SetDeadline(time.Now().Add(ioLimit)); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if l.connect != "" {
		if err := connect(raw, l.connect); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	c := tls.Client(raw, l.config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("handshake with %s: %w", addr, err), raw.Close())
	}
	return c, nil
}

// connect asks the proxy behind c for a tunnel to target.
func connect(c net.Conn, target string) error {
	if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target); err != nil {
		return err
	}
	// The proxy says nothing more until it has seen a hello, so the buffer of
	// the reader cannot swallow what is TLS.
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("CONNECT: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("CONNECT: the proxy says %s", res.Status)
	}
	return nil
}

type tlsConn struct {
	*tls.Conn
	check     checker
	buf       []byte
	latencies []time.Duration
}

type tlsSession struct {
	request []byte
	conns   []*tlsConn
}

func (s *tlsSession) close() {
	for _, c := range s.conns {
		if c.Conn != nil {
			_ = c.Close()
		}
	}
}

func (s *tlsSession) run(ctx context.Context, d time.Duration) (tally, error) {
	began := time.Now()
	deadline := began.Add(d)
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range s.conns {
		g.Go(func() error {
			if err := c.SetDeadline(deadline.Add(ioLimit)); err != nil {
				return err
			}
			return c.repeat(ctx, s.request, deadline)
		})
	}
	err := g.Wait()
	t := tally{took: time.Since(began)}
	for _, c := range s.conns {
		t.latencies = append(t.latencies, c.latencies...)
	}
	t.requests = len(t.latencies)
	t.ops = float64(t.requests)
	return t, err
}

// repeat sends request, and again when it is answered, until the deadline.
func (c *tlsConn) repeat(ctx context.Context, request []byte, deadline time.Time) error {
	c.latencies = c.latencies[:0]
	for now := time.Now(); now.Before(deadline) || len(c.latencies) == 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := c.Write(request); err != nil {
			return err
		}
		if err := c.answer(); err != nil {
			return err
		}
		end := time.Now()
		c.latencies = append(c.latencies, end.Sub(now))
		now = end
	}
	return nil
}

// answer reads exactly one answer.
func (c *tlsConn) answer() error {
	for n := 0; n < len(c.buf); {
		m, err := c.Read(c.buf[n:])
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		n += m
		size, err := c.check.size(c.buf[:n])
		if err != nil {
			return err
		}
		if size == n {
			return nil
		}
		if size > 0 {
			return errors.New("bytes after the answer")
		}
	}
	return errors.New("answer is too large")
}
