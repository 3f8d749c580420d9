package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
)

// maxMeta bounds the first line of a recording in bytes. Other files may begin
// with a line of any length.
const maxMeta = 64 << 10

// readMeta reads the first line of a file, which says whether it is a recording.
func readMeta(file *os.File) (Meta, error) {
	info, err := file.Stat()
	if err != nil {
		return Meta{}, err
	}
	if info.IsDir() {
		return Meta{}, fmt.Errorf("%w: it is a folder", ErrNotRecording)
	}
	head := make([]byte, maxMeta)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Meta{}, err
	}
	return metaOf(head[:n])
}

// metaOf reads the first line of what begins with head.
func metaOf(head []byte) (Meta, error) {
	line, _, whole := bytes.Cut(head, []byte{'\n'})
	if whole && jsondoc.Valid(line) && gjson.GetBytes(line, "format").Str == format {
		return parseMeta(line)
	}
	return Meta{}, fmt.Errorf("%w: %s", ErrNotRecording, looksLike(head))
}

// looksLike says in words what a file is that begins with head.
func looksLike(head []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) == 0:
		return "it is empty, or begins with nothing but space"
	case bytes.HasPrefix(text, []byte("\x28\xb5\x2f\xfd")):
		return "it is compressed; decompress it first"
	case bytes.HasPrefix(text, []byte(`{"type":"meta"`)):
		return "its first line is cut off"
	case bytes.HasPrefix(text, []byte(`{"type":"`)):
		return "its first line, of type meta, is missing"
	case text[0] == '{' || text[0] == '[':
		return "it is JSON of another kind"
	case isText(text):
		return "it is text of another kind"
	}
	return "it is binary"
}

// isText reports whether head is UTF-8, the last character of which may be cut.
func isText(head []byte) bool {
	for range utf8.UTFMax {
		if utf8.Valid(head) {
			return bytes.IndexByte(head, 0) < 0
		}
		head = head[:max(0, len(head)-1)]
	}
	return false
}
