package proxy

import (
	"errors"
	"io"
	"strconv"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// copyBody writes content with the given framing, each piece as soon as it was
// read, and behind it trailer, which a body that was read from the wire replaces
// by its own. tap may be nil. A *h1.WriteError means that w failed.
func copyBody(w io.Writer, body io.Reader, framing h1.Framing, tap h1.Tap, trailer *traffic.Fields) error {
	out := contentWriter{w: w, framing: framing}
	for buf := make([]byte, 32<<10); ; {
		n, err := body.Read(buf)
		if n > 0 {
			if err := out.write(buf[:n]); err != nil {
				return err
			}
			if tap != nil {
				tap.Data(buf[:n])
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if from, ok := body.(trailed); ok {
		*trailer = from.Trailers()
	} else if err := h1.CheckFields(*trailer); err != nil {
		return unfit("trailer", err)
	}
	return out.end(*trailer)
}

// contentWriter gives content its framing.
type contentWriter struct {
	w       io.Writer
	framing h1.Framing
	written int64
	chunk   []byte // reused
}

// write writes a piece of content, unless there is more than was announced: the
// other side would take that for a message of its own.
func (c *contentWriter) write(p []byte) error {
	c.written += int64(len(p))
	switch {
	case c.framing.Kind == h1.ByLength && c.written > c.framing.Length:
		return c.wrongLength("at least ")
	case c.framing.Kind == h1.Chunked:
		c.chunk = h1.AppendChunk(c.chunk[:0], p)
		p = c.chunk
	}
	return c.send(p)
}

// end writes what is behind the last piece.
func (c *contentWriter) end(trailer traffic.Fields) error {
	switch {
	case c.framing.Kind == h1.ByLength && c.written < c.framing.Length:
		return c.wrongLength("")
	case c.framing.Kind == h1.Chunked:
		return c.send(h1.AppendLastChunk(nil, trailer))
	default:
		return nil
	}
}

func (c *contentWriter) send(p []byte) error {
	if _, err := c.w.Write(p); err != nil {
		return &h1.WriteError{Err: err}
	}
	return nil
}

func (c *contentWriter) wrongLength(bound string) error {
	return &traffic.Failure{
		Kind: traffic.FailInternal, Side: traffic.SideNecto,
		Text: "a body has " + bound + strconv.FormatInt(c.written, 10) + " bytes, its head says " + strconv.FormatInt(c.framing.Length, 10),
	}
}
