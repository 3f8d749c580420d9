package h1

import (
	"bytes"

	"github.com/necto-dev/necto/traffic"
)

// Framing may outweigh content only so far, so that small chunks with long
// extensions cannot multiply the work per byte of content. A chunk's framing is
// free up to chunkAllowance and twice its content, which lets any number of
// one-byte chunks pass; what is beyond adds up to at most maxChunkOverhead.
const (
	chunkAllowance   = 16
	maxChunkOverhead = 64 << 10
)

type chunkState uint8

const (
	inSize    chunkState = iota // hex digits of the size
	inSpace                     // white space behind the size
	inExt                       // between the first semicolon and CR
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
	left     uint64         // of the chunk's content
	ext      int            // bytes between the size and CR
	overhead int64          // framing beyond what is free
	trailer  []byte         // the trailer section as far as read
	line     int            // where its last line begins
	fields   traffic.Fields // the trailer section parsed
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
	case inSpace, inExt:
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
		return nil
	case c.digits == 0 || digit >= 0:
		return badf(400, "invalid chunk size")
	default:
		c.state = inSpace
		return c.stepExt(b)
	}
}

// stepExt follows what is between the size and CR: white space, then anything
// printable behind a semicolon (RFC 9112 section 7.1.1).
func (c *chunkParser) stepExt(b byte) error {
	if b == '\r' {
		c.state = inSizeLF
		return nil
	}
	c.ext++
	switch {
	case c.ext > c.limits.Extension:
		return badf(400, "chunk extension longer than %d bytes", c.limits.Extension)
	case isBlank(b):
	case b == ';':
		c.state = inExt
	case c.state == inSpace:
		return badf(400, "invalid chunk size")
	case b < ' ' || b == 0x7f:
		return badf(400, "a chunk extension has the byte 0x%02x", b)
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
	c.overhead = max(0, c.overhead-chunkAllowance-2*int64(min(c.left, maxChunkOverhead)))
	if c.overhead > maxChunkOverhead {
		return badf(400, "more chunk framing than content")
	}
	c.state = inData
	return nil
}

// readTrailer collects the trailer section, up to and including the empty line
// that ends the message. It returns how many bytes of p belong to it; where the
// section is refused its last byte is left out, so that it is not relayed as a
// whole message.
func (c *chunkParser) readTrailer(p []byte) (used int, err error) {
	if len(c.trailer) == 0 && bytes.HasPrefix(p, []byte("\r\n")) {
		c.state = inEnd // as nearly always
		return len("\r\n"), nil
	}
	for used < len(p) && c.state != inEnd {
		end := len(p)
		i := bytes.IndexByte(p[used:], '\n')
		if i >= 0 {
			end = used + i + 1
		}
		if len(c.trailer)+end-used > c.limits.Trailer {
			return used, badf(400, "trailer section longer than %d bytes", c.limits.Trailer)
		}
		c.trailer = append(c.trailer, p[used:end]...)
		used = end
		if i >= 0 {
			if err := c.endTrailerLine(); err != nil {
				return used - 1, err
			}
		}
	}
	return used, nil
}

// endTrailerLine looks at the line that has just been completed.
func (c *chunkParser) endTrailerLine() error {
	switch line := c.trailer[c.line:]; {
	case len(line) == 1:
		return badf(400, "bare LF in a trailer section")
	case len(line) > 2 || line[0] != '\r':
		c.line = len(c.trailer)
		return nil
	}
	fields, err := parseFields(string(c.trailer), fieldRules{max: c.limits.Fields})
	if err != nil {
		return err
	}
	for _, f := range fields {
		if forbiddenTrailer(f) {
			return badf(400, "the field %s is not allowed in a trailer section", f.Name)
		}
	}
	c.fields, c.state = fields, inEnd
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
