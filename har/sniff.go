package har

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// sniffSize is how much of a file tells what it is.
const sniffSize = 4 << 10

// What files begin with.
var (
	magicBOM   = []byte("\xef\xbb\xbf")
	magicGzip  = []byte{0x1f, 0x8b}
	magicZip   = []byte("PK\x03\x04")
	magicEmpty = []byte("PK\x05\x06") // a zip archive without files
)

// Sniff reports whether a file that begins with prefix may be a HAR: an object
// with a member `log` or with nothing that speaks against one in prefix, of
// which 4 KiB are enough. Of a file that is compressed, as a .har.gz or an
// archive with a HAR, only its name can tell more.
func Sniff(prefix []byte) bool {
	if isZip(prefix) || bytes.HasPrefix(prefix, magicGzip) || isZlib(prefix) {
		return true
	}
	s := scanBytes(bytes.TrimPrefix(prefix, magicBOM))
	if s.peek() != '{' {
		return false
	}
	s.pos++
	for {
		name, ok, err := s.member()
		if err != nil || !ok {
			return false
		}
		if string(name) == "log" {
			c := s.peek()
			return c == '{' || c == 0
		}
		if _, err := s.value(); err != nil {
			return false
		}
	}
}

func isZip(prefix []byte) bool {
	return bytes.HasPrefix(prefix, magicZip) || bytes.HasPrefix(prefix, magicEmpty)
}

// isZlib reports whether prefix is a header of zlib (RFC 1950 section 2.2) as
// mitmproxy's .zhar files have it: no other text or magic looks like it.
func isZlib(prefix []byte) bool {
	return len(prefix) >= 2 && prefix[0] == 0x78 && prefix[1]&0x20 == 0 && (int(prefix[0])<<8|int(prefix[1]))%31 == 0
}

// plain returns the document that is in a stream, without compression and byte
// order mark. The closer is nil if there is nothing to close.
func plain(in io.Reader) (io.Reader, io.Closer, error) {
	b := bufio.NewReaderSize(in, sniffSize)
	prefix, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read HAR: %w", err)
	}
	var unpacked io.ReadCloser
	switch {
	case isZip(prefix):
		return nil, nil, errors.New("read HAR: an archive cannot be read from a stream")
	case bytes.HasPrefix(prefix, magicGzip):
		unpacked, err = gzip.NewReader(b)
	case isZlib(prefix):
		unpacked, err = zlib.NewReader(b)
	default:
		return b, nil, skipBOM(b)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read HAR: %w", err)
	}
	b = bufio.NewReaderSize(unpacked, sniffSize)
	return b, unpacked, skipBOM(b)
}

// skipBOM skips the byte order mark of UTF-8 and refuses what is not UTF-8.
func skipBOM(b *bufio.Reader) error {
	prefix, _ := b.Peek(3) // the error comes again
	switch {
	case bytes.HasPrefix(prefix, magicBOM):
		_, err := b.Discard(len(magicBOM))
		return err
	case looksLikeUTF16(prefix):
		return fmt.Errorf("%w: it is UTF-16, and JSON has to be UTF-8: convert it with iconv -f UTF-16 -t UTF-8", ErrNotHAR)
	}
	return nil
}

func looksLikeUTF16(prefix []byte) bool {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "{\x00", "\x00{"} {
		if bytes.HasPrefix(prefix, []byte(mark)) {
			return true
		}
	}
	return false
}

// describe says what a document that is no HAR looks like.
func describe(start []byte) string {
	s := scanBytes(start)
	switch c := s.peek(); {
	case c == 0 && s.pos == len(s.buf):
		return "an empty file"
	case c == '<':
		return "HTML or XML"
	case c == '[':
		return "a JSON array"
	case c == '{':
		return describeObject(&s)
	case c < ' ' || c >= 0x7f:
		return "binary data"
	}
	line, _, _ := bytes.Cut(start[s.pos:], []byte("\n"))
	return fmt.Sprintf("text that begins with %.20q", line)
}

func describeObject(s *scanner) string {
	s.pos++
	name, ok, err := s.member()
	switch {
	case err != nil:
		return "the beginning of a JSON object"
	case !ok:
		return "an empty JSON object"
	case string(name) == "log":
		return "a JSON object whose log is no object"
	case string(name) == "type":
		if raw, err := s.value(); err == nil && string(raw) == `"meta"` {
			return "a recording of necto"
		}
	}
	return fmt.Sprintf("a JSON object without log, with %.20q", name)
}
