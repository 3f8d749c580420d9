package record

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Version is the version of the format this package writes, and the newest it
// reads.
const Version = 1

// ErrNotRecording is returned by Open for a file that is not a recording.
var ErrNotRecording = errors.New("not a necto recording")

// VersionError is returned by Open for a recording of a newer version.
type VersionError struct {
	// Version is the version of the file.
	Version int
}

// Error says which version the file has and which is understood.
func (e *VersionError) Error() string {
	return fmt.Sprintf("recording has version %d, this necto reads up to %d", e.Version, Version)
}

// Meta is the first line of a recording.
type Meta struct {
	Version int
	// Session is the ULID of the run.
	Session string
	// At is when the session started.
	At                      time.Time
	Tool, ToolVersion       string
	Mode, Listen, Redaction string
}

// Line is one line of a recording.
type Line struct {
	// Type is the line's type, ID the exchange it belongs to, 0 for none.
	Type string
	ID   uint64
	// Offset and Length say where the line is, for ReadLine; the line end is
	// not counted.
	Offset int64
	Length int
	// Raw is the line without its end, valid only during the call.
	Raw []byte
}

// File is a recording open for reading.
type File struct{}

// Open opens the recording at path.
func Open(path string) (*File, error) { return nil, errors.ErrUnsupported }

// Meta returns the first line.
func (f *File) Meta() Meta { return Meta{} }

// Close closes the file.
func (f *File) Close() error { return nil }

// Warnings returns what was wrong with the lines read so far.
func (f *File) Warnings() []string { return nil }

// Scan calls fn for each line.
func (f *File) Scan(fn func(Line) error) error { return errors.ErrUnsupported }

// ReadLine reads one line.
func (f *File) ReadLine(offset int64, length int) ([]byte, error) { return nil, errors.ErrUnsupported }

// OpenBody opens content for reading.
func (f *File) OpenBody(b *EntryBody) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// ParseEntry reads an http or http.pending line.
func ParseEntry(raw []byte) (*Entry, error) { return nil, errors.ErrUnsupported }
