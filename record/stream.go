package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ScanStream is Scan for a recording that comes through a pipe, or for a file
// that still grows. Offsets count from where r began. It calls warn with what is
// wrong with the recording; name is what that is called there. If the first line
// is not that of a recording the error is one that Open returns.
func ScanStream(name string, r io.Reader, warn func(text string), fn func(Line) error) error {
	// Not Peek, which would wait for more than the first line.
	buffered := bufio.NewReaderSize(r, maxMeta)
	first, err := buffered.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read recording: %w", err)
	}
	if _, err := metaOf(first); err != nil {
		return fmt.Errorf("open recording %s: %w", name, err)
	}
	return scan(name, io.MultiReader(bytes.NewReader(slices.Clone(first)), buffered), warn, fn)
}
