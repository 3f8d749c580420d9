//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// The large answer: blocks of bulkBlock bytes, 4 GiB in all, or 1 GiB inside
// TLS.
const (
	bulkBlock     = 64 << 10
	bulkBlocks    = 64 << 10
	bulkTLSBlocks = 16 << 10
	blocksPerGiB  = (1 << 30) / bulkBlock

	bulkPath        = "/bulk"
	bulkChunkedPath = "/bulk-chunked"
)

// A bulkAnswer is the large answer as it is on the wire: head, unit repeated
// some times, tail. In the chunked one each unit is a chunk. necto must
// not change chunks, so that the wire can be compared without parsing it.
type bulkAnswer struct {
	head, unit, tail []byte
	units            int
}

func newBulkAnswer(blocks int, chunked bool) bulkAnswer {
	block := make([]byte, bulkBlock)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(block) // never fails
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	if !chunked {
		head += fmt.Sprintf("Content-Length: %d\r\n\r\n", bulkBlock*blocks)
		return bulkAnswer{head: []byte(head), unit: block, units: blocks}
	}
	return bulkAnswer{
		head: []byte(head + "Transfer-Encoding: chunked\r\n\r\n"),
		unit: fmt.Appendf(nil, "%x\r\n%s\r\n", bulkBlock, block),
		tail: []byte("0\r\n\r\n"), units: blocks,
	}
}

// serveBulkOrigin sends the large answer, once a connection.
func serveBulkOrigin(o helperOptions) error {
	plain, chunked := newBulkAnswer(bulkBlocks, false), newBulkAnswer(bulkBlocks, true)
	return o.serve(func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 16<<10)
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if strings.Contains(string(buf[:n]), bulkChunkedPath+" ") {
			_ = chunked.send(c) // the client counts what it got
			return
		}
		_ = plain.send(c)
	})
}

func (a bulkAnswer) send(c io.Writer) error {
	const atOnce = 4
	if _, err := c.Write(a.head); err != nil {
		return err
	}
	units := bytes.Repeat(a.unit, atOnce)
	for range a.units / atOnce {
		if _, err := c.Write(units); err != nil {
			return err
		}
	}
	_, err := c.Write(a.tail)
	return err
}

// gib returns the length of the content in GiB.
func (a bulkAnswer) gib() float64 { return float64(a.units) / blocksPerGiB }

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// A bulkLoad fetches the large answer over one connection.
type bulkLoad struct {
	request []byte
	answer  bulkAnswer
	// dial connects to the server, with TLS if that is wanted; nil means TCP.
	dial func(ctx context.Context, addr string) (net.Conn, error)
}

func (l bulkLoad) open(_ context.Context, addr string) (session, error) {
	return &bulkSession{bulkLoad: l, addr: addr, buf: make([]byte, 256<<10)}, nil
}

type bulkSession struct {
	bulkLoad
	addr string
	buf  []byte
}

func (s *bulkSession) close() {}

// run fetches the answer once, whatever d is.
func (s *bulkSession) run(ctx context.Context, _ time.Duration) (tally, error) {
	began := time.Now()
	dial := s.dial
	if dial == nil {
		dial = dialTCP
	}
	c, err := dial(ctx, s.addr)
	if err != nil {
		return tally{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.SetDeadline(began.Add(bulkLimit)); err != nil {
		return tally{}, err
	}
	if _, err := c.Write(s.request); err != nil {
		return tally{}, err
	}
	head := s.buf[:len(s.answer.head)]
	if _, err := io.ReadFull(c, head); err != nil {
		return tally{}, fmt.Errorf("read the head: %w", err)
	}
	if !bytes.Equal(head, s.answer.head) {
		return tally{}, fmt.Errorf("the origin's head was changed to %q", head)
	}
	if err := s.body(c); err != nil {
		return tally{}, err
	}
	return tally{ops: s.answer.gib(), counts: counts{requests: 1}, took: time.Since(began)}, nil
}

const (
	// bulkLimit is the longest one transfer may take.
	bulkLimit = 60 * time.Second
	// bulkSampling compares one read in so many with what it must be;
	// comparing all would make the load the slowest part.
	bulkSampling = 16
)

// body reads units and tail to the last byte.
func (s *bulkSession) body(c net.Conn) error {
	units := bytes.Repeat(s.answer.unit, len(s.buf)/len(s.answer.unit)+2)
	left := len(s.answer.unit) * s.answer.units
	for reads, at := 0, 0; left > 0; reads++ {
		n, err := c.Read(s.buf[:min(len(s.buf), left)])
		if err != nil {
			return fmt.Errorf("read the body with %d bytes missing: %w", left, err)
		}
		if reads%bulkSampling == 0 && !bytes.Equal(s.buf[:n], units[at:at+n]) {
			return fmt.Errorf("the body differs near byte %d from its end", left)
		}
		at = (at + n) % len(s.answer.unit)
		left -= n
	}
	tail := make([]byte, len(s.answer.tail))
	if _, err := io.ReadFull(c, tail); err != nil {
		return fmt.Errorf("read the end of the body: %w", err)
	}
	if !bytes.Equal(tail, s.answer.tail) {
		return fmt.Errorf("the body ends with %q", tail)
	}
	return nil
}
