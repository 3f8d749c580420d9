package record

import (
	"bufio"
	"errors"
	"os"

	"github.com/necto-dev/necto/har"
)

// HAROptions says how a HARWriter writes. The zero value works.
type HAROptions struct {
	// Force replaces a file that is there.
	Force bool
	// ToolVersion is that of necto.
	ToolVersion string
	Profile     har.Profile
}

// HARWriter writes recordings as a HAR that Open reads back without loss: what has
// no place in HAR 1.2 is in members `_necto`. Of an exchange with several lines only
// the last is written, and a WebSocket connection when its last line has come. It
// is used by one goroutine. The file is whole after Close.
type HARWriter struct {
	sink *harSink
	out  *bufio.Writer
	file *os.File
}

// NewHARWriter begins a HAR at path. A file that has content is refused with
// ErrExists unless Force is set.
func NewHARWriter(path string, o HAROptions) (*HARWriter, error) {
	out := new(output)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := out.prepare(f, Options{Force: o.Force}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	buffered := bufio.NewWriterSize(f, flushSize)
	w, err := har.NewWriter(buffered, har.Options{Version: o.ToolVersion, Profile: o.Profile})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &HARWriter{sink: newHARSink(w, o.Profile, inlineOnly), out: buffered, file: f}, nil
}

// Add writes the lines of a recording. Connections that have not ended in it are
// written as well.
func (w *HARWriter) Add(f *File) error {
	return f.Scan(func(l Line) error { return w.AddLine(l.Raw, f) })
}

// AddLine writes one line, whose content is in it or in sidecars of f, which must
// stay open until Close if the line is that of a frame.
func (w *HARWriter) AddLine(raw []byte, f *File) error {
	w.sink.open = inlineOnly
	if f != nil {
		w.sink.open = f.OpenBody
	}
	return w.sink.line(raw)
}

// Skipped returns how many connections the profile has left out so far.
func (w *HARWriter) Skipped() int64 { return w.sink.w.Skipped() }

// Close writes what has not ended and ends the HAR.
func (w *HARWriter) Close() error {
	err := errors.Join(w.sink.finish(), w.out.Flush())
	if err == nil {
		err = w.file.Sync()
	}
	return errors.Join(err, w.file.Close())
}
