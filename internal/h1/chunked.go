package h1

import (
	"bytes"

	"github.com/necto-dev/necto/traffic"
)

// maxChunkOverhead is how many more bytes of chunk lines than of content are
// tolerated, so that one-byte chunks with long extensions cannot multiply the
// work per byte of content.
const maxChunkOverhead = 64 << 10

type chunkState uint8

const (
	inSize    chunkState = iota // hex digits of the size
	inExt                       // between the size and CR
	inSizeLF                    // LF of the size line
	inData                      // content
	inDataCR                    // CR behind the content
	inDataLF                    // LF behind the content
	inTrailer                   // behind the last chunk
	inEnd                       // the message is over
)

// chunkParser follows a chunked body (RFC 9112 section 7.1) without keeping or
// changing it.
type chunkParser struct {
	limits   *Limits
	state    chunkState
	digits   int
	left     uint64 // of the chunk's content
	ext      int
	overhead int64
	trailer  []byte         // the trailer section as far as read
	fields   traffic.Fields // and parsed
}

// next consumes framing bytes and at most one run of content, of at most max
// bytes. It returns the content, which is part of p, and how many bytes of p it
// consumed. The message is over when state is inEnd.
func (c *chunkParser) next(p []byte, max int) (data []byte, n int, err error) {
	for n < len(p) && c.state != inEnd {
		switch c.state {
		case inData:
			run := int(min(uint64(max), uint64(len(p)-n), c.left))
			data = p[n : n+run]
			if c.left -= uint64(run); c.left == 0 {
				c.state = inDataCR
			}
			return data, n + run, nil
		case inTrailer:
			used, err := c.readTrailer(p[n:])
			n += used
			if err != nil {
				return nil, n, err
			}
		default:
			if err := c.step(p[n]); err != nil {
				return nil, n, err
			}
			n++
		}
	}
	return nil, n, nil
}

// step consumes one byte of a size line or of the line end behind a chunk. Only
// CRLF ends a line: a bare LF here has been used for smuggling
// (CVE-2025-22871).
func (c *chunkParser) step(b byte) error {
	c.overhead++
	switch c.state {
	case inSize:
		return c.stepSize(b)
	case inExt:
		return c.stepExt(b)
	case inSizeLF:
		if b != '\n' {
			return badf(400, "bare CR in a chunk size line")
		}
		return c.beginChunk()
	case inDataCR:
		if b != '\r' {
			return badf(400, "chunk longer than its size")
		}
		c.state = inDataLF
	default: // inDataLF
		if b != '\n' {
			return badf(400, "no LF behind a chunk")
		}
		c.state, c.digits, c.ext, c.left = inSize, 0, 0, 0
	}
	return nil
}

func (c *chunkParser) stepSize(b byte) error {
	digit := hexDigit[b]
	switch {
	case digit >= 0 && c.digits < 16:
		c.digits++
		c.left = c.left<<4 | uint64(digit)
	case c.digits == 0 || digit >= 0:
		return badf(400, "invalid chunk size")
	case b == '\r':
		c.state = inSizeLF
	case b == ';' || b == ' ' || b == '\t':
		c.state = inExt
	default:
		return badf(400, "invalid chunk size")
	}
	return nil
}

func (c *chunkParser) stepExt(b byte) error {
	c.ext++
	switch {
	case b == '\r':
		c.state = inSizeLF
	case b < ' ' && b != '\t' || b == 0x7f:
		return badf(400, "a chunk extension has the byte 0x%02x", b)
	case c.ext > c.limits.Extension:
		return badf(400, "chunk extension longer than %d bytes", c.limits.Extension)
	}
	return nil
}

func (c *chunkParser) beginChunk() error {
	if c.left == 0 {
		c.state = inTrailer
		return nil
	}
	if c.left > 1<<62 {
		return badf(400, "chunk size too large")
	}
	c.overhead = max(0, c.overhead-int64(min(c.left, maxChunkOverhead)))
	if c.overhead > maxChunkOverhead {
		return badf(400, "more chunk framing than content")
	}
	c.state = inData
	return nil
}

// readTrailer collects the trailer section, up to and including the empty line
// that ends the message. It returns how many bytes of p belong to it.
func (c *chunkParser) readTrailer(p []byte) (int, error) {
	used := 0
	for used < len(p) {
		i := bytes.IndexByte(p[used:], '\n')
		end := len(p)
		if i >= 0 {
			end = used + i + 1
		}
		if len(c.trailer)+end-used > c.limits.Trailer {
			return used, badf(400, "trailer section longer than %d bytes", c.limits.Trailer)
		}
		lineStart := bytes.LastIndexByte(c.trailer, '\n') + 1
		c.trailer = append(c.trailer, p[used:end]...)
		used = end
		if line := c.trailer[lineStart:]; i >= 0 && (len(line) == 1 || line[0] == '\r' && len(line) == 2) {
			return used, c.endTrailer()
		}
	}
	return used, nil
}

func (c *chunkParser) endTrailer() (err error) {
	c.state = inEnd
	if bytes.HasSuffix(c.trailer, []byte("\r\n")) && len(c.trailer) == 2 {
		return nil
	}
	if bytes.Contains(c.trailer, []byte("\n\n")) || c.trailer[0] == '\n' {
		return badf(400, "bare LF in a trailer section")
	}
	c.fields, err = parseFields(string(c.trailer), fieldRules{max: c.limits.Fields})
	if err != nil {
		return err
	}
	for _, f := range c.fields {
		if forbiddenTrailer(f) {
			return badf(400, "the field %s is not allowed in a trailer section", f.Name)
		}
	}
	return nil
}

// forbiddenTrailer names fields that decide framing, routing or authentication,
// which must not come late (RFC 9110 section 6.5.1).
func forbiddenTrailer(f traffic.Field) bool {
	for _, name := range [...]string{
		"Transfer-Encoding", "Content-Length", "Trailer", "Host", "Connection", "Upgrade",
		"Content-Encoding", "Authorization", "Proxy-Authorization", "Proxy-Authenticate",
		"WWW-Authenticate", "Cookie", "Set-Cookie",
	} {
		if f.Is(name) {
			return true
		}
	}
	return false
}

var hexDigit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int8(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = int8(10 + i)
	}
	return t
}()
