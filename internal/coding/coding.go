// Package coding undoes and applies HTTP content codings.
package coding

import (
	"errors"
	"io"
)

// Limits of Decode.
const (
	MaxDecoded = 16 << 20 // bytes after decoding
	MaxStack   = 3        // codings on top of each other
)

// Parse returns the codings that Content-Encoding values list, in the order
// they were applied, in lower case, without identity.
func Parse(values []string) []string { return nil }

// Decode returns a reader that undoes codings, at most limit bytes.
func Decode(codings []string, r io.Reader, limit int64) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}

// Encode returns a writer that applies coding.
func Encode(coding string, w io.Writer) (io.WriteCloser, error) { return nil, errors.ErrUnsupported }

// Accepts reports whether Accept-Encoding values allow coding.
func Accepts(acceptEncoding []string, coding string) bool { return false }
