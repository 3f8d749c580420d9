package record

import (
	"errors"
	"log/slog"

	"github.com/necto-dev/necto/traffic"
)

// ErrExists is returned by Create for a file that has content already.
var ErrExists = errors.New("file exists and is not empty")

// Options says how a recording is written. The zero value works.
type Options struct {
	// Append goes on with an existing recording; Force replaces it.
	Append, Force bool
	// Redaction is "auto" (also "") or "off".
	Redaction string
	// InlineMax is how many bytes of decoded content stay in the line; what is
	// longer goes to a sidecar file. 0 means 64 KiB.
	InlineMax int64
	// ToolVersion, Mode and Listen are noted in the meta line.
	ToolVersion, Mode, Listen string
	// Log is told about bodies that could not be kept; nil discards it.
	Log *slog.Logger
}

// Counts says what a Writer has seen.
type Counts struct {
	// Exchanges counts exchanges that ended, Errors those that failed, Open
	// those still running.
	Exchanges, Errors, Open int64
	// BytesUp and BytesDown count content of requests and responses as it
	// passed, transfer coding undone, of exchanges that ended.
	BytesUp, BytesDown int64
}

// Writer writes a recording. It is a traffic.Observer.
type Writer struct{}

// Create starts a recording at path; "-" is standard output.
func Create(path string, o Options) (*Writer, error) { return nil, errors.ErrUnsupported }

// Observe adds what e says to the recording.
func (w *Writer) Observe(e traffic.Event) {}

// Failed is closed at the first write error.
func (w *Writer) Failed() <-chan struct{} { return nil }

// Err returns the first write error, nil if there was none.
func (w *Writer) Err() error { return nil }

// Close ends the recording.
func (w *Writer) Close() error { return nil }

// Counts returns what was seen so far.
func (w *Writer) Counts() Counts { return Counts{} }
