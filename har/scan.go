package har

import (
	"errors"
	"fmt"
	"io"
)

const (
	// readSize is how much is read at once.
	readSize = 256 << 10
	// maxValue is how long one value, as an entry, may be: longer than browsers
	// can write, short enough for a bomb not to take all memory.
	maxValue = 512 << 20
)

// scanner finds values in a JSON document without decoding them: it knows where
// strings and brackets end, which is enough to split entries, and leaves the rest
// of the grammar to those who decode. It buffers no more than the value it is in.
//
// It is lenient where nothing is lost by it: missing and superfluous commas do not
// matter.
type scanner struct {
	in io.Reader
	// buf has what was read, from keep on; pos is the next byte.
	buf       []byte
	keep, pos int
	// passed is how many bytes were dropped before buf.
	passed int64
	// err is why nothing follows buf.
	err error
	// escaped says that the string that was skipped last has escapes.
	escaped bool
	name    []byte // of the last member, if it had to be copied
}

// syntaxError is a document that is not JSON.
type syntaxError struct {
	offset int64
	want   string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("byte %d: no %s where one has to be", e.offset, e.want)
}

var errTooLong = errors.New("a value is longer than 512 MiB")

func newScanner(in io.Reader) *scanner {
	return &scanner{in: in, buf: make([]byte, 0, readSize)}
}

// scanBytes returns a scanner over what is in memory.
func scanBytes(p []byte) scanner { return scanner{buf: p, err: io.EOF} }

// more reads on. Positions in buf move, except relative to keep.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	s.makeRoom()
	if len(s.buf) > maxValue {
		s.err = errTooLong
		return false
	}
	for range 100 { // as bufio.Reader does with readers that return nothing
		n, err := s.in.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.err = s.buf[:len(s.buf)+n], err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// makeRoom drops what is not kept and grows the buffer if it is full, or makes it
// small again after a long value.
func (s *scanner) makeRoom() {
	rest := s.buf[s.keep:]
	if cap(s.buf) > 16*readSize && len(rest) < readSize {
		s.buf = append(make([]byte, 0, 2*readSize), rest...)
	} else if s.keep > 0 {
		s.buf = s.buf[:copy(s.buf, rest)]
	}
	s.pos -= s.keep
	s.passed += int64(s.keep)
	s.keep = 0
	if len(s.buf) == cap(s.buf) {
		s.grow()
	}
}

// grow doubles the buffer, but for what no value may need.
func (s *scanner) grow() {
	size := min(max(len(s.buf)+readSize, 2*len(s.buf)), max(len(s.buf), maxValue)+readSize)
	s.buf = append(make([]byte, 0, size), s.buf...)
}

// peek skips white space and returns the byte behind it, 0 at the end. Nothing
// before it is kept.
func (s *scanner) peek() byte {
	if s.pos < len(s.buf) && s.buf[s.pos] > ' ' {
		s.keep = s.pos
		return s.buf[s.pos]
	}
	return s.skipSpace()
}

func (s *scanner) skipSpace() byte {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\r', '\n':
			default:
				s.keep = s.pos
				return c
			}
		}
		s.keep = s.pos
		if !s.more() {
			return 0
		}
	}
}

// expected returns the error for the byte that is next.
func (s *scanner) expected(want string) error {
	if s.pos < len(s.buf) {
		return &syntaxError{s.passed + int64(s.pos), want}
	}
	return s.cut()
}

// cut returns the error for a document that ends too early: io.ErrUnexpectedEOF,
// unless reading failed.
func (s *scanner) cut() error {
	if errors.Is(s.err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// value returns the next value as it is written. It is valid until the scanner
// goes on.
func (s *scanner) value() ([]byte, error) {
	var err error
	switch s.peek() {
	case '"':
		err = s.skipString()
	case '{', '[':
		err = s.skipBrackets()
	default:
		err = s.skipScalar()
	}
	return s.buf[s.keep:s.pos], err
}

// skipString skips a string, from quote to quote.
func (s *scanner) skipString() error {
	s.escaped = false
	for s.pos++; ; {
		n, escaped, ended := stringEnd(s.buf[s.pos:])
		s.pos += n
		s.escaped = s.escaped || escaped
		if ended {
			return nil
		}
		if !s.more() {
			return s.cut()
		}
	}
}

// structural has the bytes that matter between brackets.
var structural = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true}

// skipBrackets skips an object or array.
func (s *scanner) skipBrackets() error {
	for depth := 0; ; {
		i := s.pos
		for i < len(s.buf) && !structural[s.buf[i]] {
			i++
		}
		if s.pos = i; i == len(s.buf) {
			if !s.more() {
				return s.cut()
			}
			continue
		}
		switch s.buf[i] {
		case '"':
			if err := s.skipString(); err != nil {
				return err
			}
			continue
		case '{', '[':
			depth++
		default:
			depth--
		}
		if s.pos++; depth == 0 {
			return nil
		}
	}
}

// delimiter has the bytes that end a number or word.
var delimiter = [256]bool{
	' ': true, '\t': true, '\r': true, '\n': true,
	',': true, ':': true, '[': true, ']': true, '{': true, '}': true, '"': true,
}

// skipScalar skips a number or word.
func (s *scanner) skipScalar() error {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			if !delimiter[s.buf[s.pos]] {
				continue
			}
			if s.pos == s.keep {
				return s.expected("value")
			}
			return nil
		}
		if !s.more() {
			if s.pos == s.keep || !errors.Is(s.err, io.EOF) {
				return s.cut()
			}
			return nil
		}
	}
}

// member goes to the value of the next member of the object that the scanner is
// in, and returns the name, which is valid until the next call; ok is false
// behind the end of the object.
func (s *scanner) member() (name []byte, ok bool, err error) {
	switch s.skipCommas() {
	case '}':
		s.pos++
		return nil, false, nil
	case '"':
	default:
		return nil, false, s.expected("name of a member")
	}
	if n := plainString(s.buf[s.pos:]); n > 0 {
		s.pos += n
		s.escaped = false
	} else if err := s.skipString(); err != nil {
		return nil, false, err
	}
	if !s.escaped && s.pos < len(s.buf) && s.buf[s.pos] == ':' {
		s.pos++
		return s.buf[s.keep+1 : s.pos-2], true, nil
	}
	s.name, _ = appendUnquoted(s.name[:0], s.buf[s.keep:s.pos])
	if s.peek() != ':' {
		return nil, false, s.expected("colon")
	}
	s.pos++
	return s.name, true, nil
}

// element goes to the next element of the array that the scanner is in; ok is
// false behind its end.
func (s *scanner) element() (ok bool, err error) {
	switch s.skipCommas() {
	case ']':
		s.pos++
		return false, nil
	case 0, '}', ':':
		return false, s.expected("value")
	}
	return true, nil
}

func (s *scanner) skipCommas() byte {
	c := s.peek()
	for c == ',' {
		s.pos++
		c = s.peek()
	}
	return c
}
