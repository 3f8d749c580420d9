package replay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
)

const (
	// pollInterval is how often a recording that grows is looked at.
	pollInterval = 100 * time.Millisecond
	// maxFirstLine bounds the line that begins a recording, in bytes.
	maxFirstLine = 64 << 10
)

var (
	errReplaced   = errors.New("the recording was replaced by another")
	errNotGrowing = errors.New("only recordings of JSON lines can be followed")
)

// growing is a recording that is being written.
type growing struct {
	path      string
	recording *record.File
	file      *os.File
	first     []byte // the line that it begins with
	end       int64  // of the lines that were read, in bytes
}

// openGrowing opens a recording once it has a line.
func openGrowing(ctx context.Context, path string) (*growing, error) {
	g := &growing{path: path}
	for {
		err := g.open()
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if err := waitUntil(ctx, time.Now().Add(pollInterval)); err != nil {
			return nil, err
		}
	}
	var err error
	if g.recording, err = record.Open(path); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// open opens the file. The error is io.ErrUnexpectedEOF if it has no line yet.
func (g *growing) open() error {
	file, err := os.Open(g.path)
	if err != nil {
		return err
	}
	text := make([]byte, maxFirstLine)
	n, err := file.ReadAt(text, 0)
	end := bytes.IndexByte(text[:n], '\n') + 1
	switch {
	case end == 0 && errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	case gjson.GetBytes(text[:end], "type").Str != record.TypeMeta:
		err = errNotGrowing
	default:
		g.file, g.first = file, text[:end:end]
		return nil
	}
	return errors.Join(err, file.Close())
}

// close closes what it has beside the recording.
func (g *growing) close() { _ = g.file.Close() } // it was only read

// more returns the lines that were added since the last call, nil for none. The
// error is errReplaced when there will be no more.
func (g *growing) more() (scanFunc, error) {
	from := g.end
	end, err := g.wholeLines()
	if err != nil || end == from {
		return nil, err
	}
	g.end = end
	return func(fn func(record.Line) error) error { return g.scan(from, end, fn) }, nil
}

// wholeLines returns where the last whole line ends.
func (g *growing) wholeLines() (int64, error) {
	info, err := g.file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() < g.end {
		return 0, errReplaced
	}
	if info.Size() == g.end {
		if now, err := os.Stat(g.path); err == nil && !os.SameFile(info, now) {
			return 0, errReplaced
		}
		return g.end, nil
	}
	block := make([]byte, 64<<10)
	for end := info.Size(); end > g.end; {
		begin := max(g.end, end-int64(len(block)))
		n, err := g.file.ReadAt(block[:end-begin], begin)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	return g.end, nil
}

// scan calls fn for the lines in a part of the file.
func (g *growing) scan(from, end int64, fn func(record.Line) error) error {
	var lines io.Reader = io.NewSectionReader(g.file, from, end-from)
	skip := int64(0)
	if from > 0 { // what ScanStream reads begins as a recording does
		skip = int64(len(g.first))
		lines = io.MultiReader(bytes.NewReader(g.first), lines)
	}
	ignore := func(string) {} // what is no line is none when it is played, too
	return record.ScanStream(g.path, lines, ignore, func(line record.Line) error {
		if line.Offset < skip {
			return nil
		}
		line.Offset += from - skip
		return fn(line)
	})
}
