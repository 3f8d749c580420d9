package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	// batchLines and batchBytes bound what is sent at once. A line may be longer.
	batchLines = 512
	batchBytes = 512 << 10
)

// cursor reads a spool, from one goroutine.
type cursor struct {
	spool *spool
	// next is the seq of the next line.
	next uint64
	part *part
	file *os.File // part's, nil if it is not open
	// offset is where the next line begins.
	offset int64
	buf    []byte
}

// batch is what is sent at once. Its lines are valid until the next read.
type batch struct {
	first uint64
	// lines are without their ends.
	lines [][]byte
	// bodies are the files that lines name.
	bodies []string
}

// end is the seq behind the last line.
func (b *batch) end() uint64 { return b.first + uint64(len(b.lines)) }

var (
	// errEnd says that a spool has no more lines, and will not have.
	errEnd = errors.New("end of the spool")
	// errGap says that lines are missing before the next one, to which the cursor has
	// gone.
	errGap = errors.New("lines are missing")
	// errIdle says that there was nothing to read for a while.
	errIdle = errors.New("nothing to send")
)

// seek goes to a line.
func (c *cursor) seek(seq uint64) error {
	err := c.close()
	c.next, c.part = seq, nil
	return err
}

func (c *cursor) close() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// read waits for lines and returns them, or errEnd, or errGap, or errIdle after a
// while, which is never if that is 0.
func (c *cursor) read(ctx context.Context, while time.Duration) (*batch, error) {
	var idle <-chan time.Time
	if while > 0 {
		timer := time.NewTimer(while)
		defer timer.Stop()
		idle = timer.C
	}
	for {
		p, size, ended := c.spool.find(c.next)
		switch {
		case p != nil && c.next < p.first:
			if err := c.seek(p.first); err != nil {
				return nil, err
			}
			return nil, errGap
		case p != nil:
			return c.readPart(p, size)
		case ended:
			return nil, errEnd
		}
		select {
		case <-c.spool.wake:
		case <-idle:
			return nil, errIdle
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readPart reads from a part of which so many bytes are whole lines.
func (c *cursor) readPart(p *part, size int64) (*batch, error) {
	if err := c.open(p); err != nil {
		return nil, err
	}
	for want := int64(batchBytes); ; want *= 2 {
		n := min(want, size-c.offset)
		if int64(cap(c.buf)) < n {
			c.buf = make([]byte, n)
		}
		c.buf = c.buf[:n]
		if _, err := c.file.ReadAt(c.buf, c.offset); err != nil {
			return nil, fmt.Errorf("read the spool: %w", err)
		}
		if b := c.take(); b != nil {
			return b, nil
		}
		if n == size-c.offset {
			return nil, fmt.Errorf("read the spool: %s has no whole line at byte %d", p.path, c.offset)
		}
	}
}

// open goes to the next line in a part, which has it.
func (c *cursor) open(p *part) error {
	if c.part == p && c.file != nil {
		return nil
	}
	if err := c.close(); err != nil {
		return err
	}
	f, err := os.Open(p.path)
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	c.part, c.file = p, f
	c.offset, err = skipLines(f, c.next-p.first)
	return err
}

// skipLines returns where in r the line begins that so many others precede.
func skipLines(r io.Reader, lines uint64) (int64, error) {
	buf := make([]byte, 64<<10)
	offset := int64(0)
	for lines > 0 {
		n, err := r.Read(buf)
		if err != nil {
			return 0, fmt.Errorf("read the spool: %w", err)
		}
		rest := buf[:n]
		for lines > 0 {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			rest = rest[end+1:]
			lines--
		}
		if lines > 0 {
			rest = nil
		}
		offset += int64(n - len(rest))
	}
	return offset, nil
}

// take makes a batch of the whole lines in buf and moves on behind them, nil if
// there is none.
func (c *cursor) take() *batch {
	b := &batch{first: c.next}
	for rest := c.buf; len(b.lines) < batchLines; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			break
		}
		line := rest[:end]
		b.lines = append(b.lines, line)
		for _, hash := range bodiesOf(line) {
			b.bodies = append(b.bodies, filepath.Join(c.part.folder(), hash))
		}
		rest = rest[end+1:]
		c.offset += int64(end) + 1
	}
	if len(b.lines) == 0 {
		return nil
	}
	c.next = b.end()
	return b
}
