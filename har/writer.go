package har

import (
	"encoding/json"
	"io"
	"os"
)

// Profile says what a HAR may have.
type Profile string

// The profiles.
const (
	// ProfileFull has everything.
	ProfileFull Profile = ""
	// ProfileHTTPOnly has no entries of status 101, which some tools refuse:
	// WebSocket connections are left out.
	ProfileHTTPOnly Profile = "http-only"
)

// Options are how a HAR is written. The zero value works.
type Options struct {
	// Version is that of necto, for `creator`.
	Version string
	// Comment is the comment of the log, "" for none.
	Comment string
	Profile Profile
}

// Writer writes a HAR. It is used by one goroutine.
type Writer struct{}

// Create creates or empties the file, readable for its owner only, and begins a
// HAR in it: see NewFileWriter. A path that is a pipe or a device is written like
// NewWriter does. Close closes the file.
func Create(path string, o Options) (*Writer, error) { return nil, nil }

// NewFileWriter begins a HAR at the start of f, a regular file that is empty. The
// file is a valid HAR after each Write. Close closes it.
func NewFileWriter(f *os.File, o Options) (*Writer, error) { return nil, nil }

// NewWriter begins a HAR on a stream, which is valid after Close. Close does not
// close out.
func NewWriter(out io.Writer, o Options) (*Writer, error) { return nil, nil }

// Write writes an entry, of which it keeps nothing.
func (w *Writer) Write(e *Entry) error { return nil }

// SetNecto gives the log a member `_necto`, valid JSON, which is behind the
// entries from the next Write or Close on; nil for none. It is kept.
func (w *Writer) SetNecto(raw json.RawMessage) {}

// Skipped returns how many entries were left out because of the profile.
func (w *Writer) Skipped() int64 { return 0 }

// Close ends the HAR and returns the first error there was.
func (w *Writer) Close() error { return nil }
