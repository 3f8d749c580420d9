package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/necto-dev/necto/har"
)

// ScanStream is Scan for a recording that comes through a pipe, or for a file
// that still grows. Offsets count from where r began. It calls warn with what is
// wrong with the recording; name is what that is called there. If the first line
// is not that of a recording the error is one that Open returns. Of a HAR the lines
// are those that it stands for, with all content in them; their offsets mean
// nothing.
func ScanStream(name string, r io.Reader, warn func(text string), fn func(Line) error) error {
	// Not Peek, which would wait for more than the first line.
	buffered := bufio.NewReaderSize(r, maxMeta)
	first, err := buffered.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read recording: %w", err)
	}
	if _, err := metaOf(first); err != nil {
		return scanOther(name, first, buffered, warn, fn, err)
	}
	return scan(name, io.MultiReader(bytes.NewReader(slices.Clone(first)), buffered), warn, fn)
}

// scanOther goes on where the first line is none of a recording, for the reason
// given: it may be the beginning of a HAR.
func scanOther(name string, first []byte, rest *bufio.Reader, warn func(string), fn func(Line) error, reason error) error {
	first = slices.Clone(first)
	more, err := rest.Peek(maxMeta)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read recording: %w", err)
	}
	if !har.Sniff(append(first, more...)) {
		return fmt.Errorf("open recording %s: %w", name, reason)
	}
	return scanHARStream(name, io.MultiReader(bytes.NewReader(first), rest), warn, fn)
}
