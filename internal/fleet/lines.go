package fleet

import (
	"bytes"
	"crypto/sha256"

	"github.com/necto-dev/necto/record"
)

// fileMember begins the member of a line that names content beside it. In text of
// a line the quotes have backslashes.
const fileMember = `"file":"`

// bodiesOf returns the content that a line names, by its SHA-256, nil for none.
func bodiesOf(line []byte) []string {
	var all []string
	for {
		_, rest, found := bytes.Cut(line, []byte(fileMember))
		if !found {
			return all
		}
		line = rest
		name, _, whole := bytes.Cut(rest, []byte{'"'})
		if whole && isHash(name) {
			all = append(all, string(name))
		}
	}
}

// isHash reports whether name is a SHA-256 as recordings spell it. Names come from
// a stream that others write, too.
func isHash(name []byte) bool {
	if len(name) != 2*sha256.Size {
		return false
	}
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isEnd reports whether a line ends a recording.
func isEnd(line []byte) bool { return bytes.HasPrefix(line, []byte(`{"type":"`+record.TypeEnd+`"`)) }
