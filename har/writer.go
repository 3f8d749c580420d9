package har

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Writer writes a HAR at constant memory: an entry is written as it is encoded,
// in pieces of 1 MiB. It is used by one goroutine.
type Writer struct {
	options Options
	encoder encoder
	out     output
	necto   json.RawMessage
	// begun says that there is an entry already, ended that the tail is in the
	// file as it has to be.
	begun, ended bool
	skipped      int64
	err          error // the first that cannot be undone
}

// Create creates or empties the file, readable for its owner only, and begins a
// HAR in it: see NewFileWriter. A path that is a pipe or a device is written like
// NewWriter does. Close closes the file.
func Create(path string, o Options) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return begin(&stream{out: f, closer: f}, o)
	}
	if err == nil {
		err = f.Chmod(0o600) // of a file that was there
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return NewFileWriter(f, o)
}

// NewFileWriter begins a HAR at the start of f, a regular file that is empty and
// was not opened to append. The file is a valid HAR after each Write: an entry and
// what ends the document are one write(2) in the place of what ended it before,
// unless the entry has more than 1 MiB. Close closes f, as does an error here.
func NewFileWriter(f *os.File, o Options) (*Writer, error) {
	return begin(&inPlace{file: f}, o)
}

// NewWriter begins a HAR on a stream, which is valid after Close. Close does not
// close out.
func NewWriter(out io.Writer, o Options) (*Writer, error) {
	return begin(&stream{out: out}, o)
}

func begin(out output, o Options) (*Writer, error) {
	w := &Writer{options: o, out: out}
	w.encoder.flush = out.write
	w.encoder.buf = appendLog(w.encoder.buf, o)
	if err := w.commit(); err != nil {
		return nil, errors.Join(err, out.close())
	}
	return w, nil
}

// Write writes an entry, of which it keeps nothing. If content or messages of it
// cannot be read it is left out, and the next entry can be written; on a stream
// only if not a piece of it is gone yet. After any other error nothing is written
// any more.
func (w *Writer) Write(e *Entry) error {
	if w.err != nil {
		return w.err
	}
	if w.options.Profile == ProfileHTTPOnly && e.opensSocket() {
		w.skipped++
		return nil
	}
	before := ",\n"
	if !w.begun {
		before = "\n"
	}
	w.encoder.buf = append(w.encoder.buf[:0], before...)
	w.encoder.entry(e)
	if err := w.encoder.err; err != nil {
		return w.undo(fmt.Errorf("write HAR entry %s %.200s: %w", e.Request.Method, e.Request.URL, err), w.encoder.failed)
	}
	if err := w.commit(); err != nil {
		return w.undo(err, true)
	}
	w.begun = true
	return nil
}

// opensSocket reports whether the exchange became a WebSocket connection, or
// something else that is HTTP no longer.
func (e *Entry) opensSocket() bool {
	return e.Response.Status == http.StatusSwitchingProtocols || e.WebSocketMessages != nil
}

// commit writes what is encoded and the tail.
func (w *Writer) commit() error {
	head := len(w.encoder.buf)
	w.encoder.buf = appendTail(w.encoder.buf, w.necto)
	if err := w.out.commit(w.encoder.buf, head); err != nil {
		return fmt.Errorf("write HAR: %w", err)
	}
	w.ended = true
	return nil
}

// undo takes back an entry that could not be written whole because of cause, which
// is final if nothing can be written any more.
func (w *Writer) undo(cause error, final bool) error {
	w.encoder.err = nil
	if err := w.out.undo(appendTail(nil, w.necto)); err != nil {
		cause, final = errors.Join(cause, err), true
	}
	if final {
		w.err = cause
	}
	return cause
}

// SetNecto gives the log a member `_necto`, valid JSON, which is behind the
// entries from the next Write or Close on; nil for none. It is kept, and in a file
// written behind every entry: what is long is better set before Close.
func (w *Writer) SetNecto(raw json.RawMessage) {
	w.necto, w.ended = raw, false
}

// Skipped returns how many entries were left out because of the profile.
func (w *Writer) Skipped() int64 { return w.skipped }

// Close ends the HAR and returns the first error there was.
func (w *Writer) Close() error {
	if w.err == nil && !w.ended {
		w.encoder.buf = w.encoder.buf[:0]
		w.err = w.commit()
	}
	return errors.Join(w.err, w.out.close())
}

// appendLog appends what is before the entries. Firefox needs `pages`.
func appendLog(dst []byte, o Options) []byte {
	dst = append(dst, `{"log":{"version":"1.2","creator":{"name":"necto"`...)
	dst = append(appendText(dst, `,"version":`, o.Version), '}')
	dst = appendOptional(dst, `,"comment":`, o.Comment)
	return append(dst, `,"pages":[],"entries":[`...)
}

// appendTail appends what is behind the entries.
func appendTail(dst []byte, necto json.RawMessage) []byte {
	dst = append(dst, "\n]"...)
	dst = appendRaw(dst, `,"_necto":`, necto)
	return append(dst, "}}\n"...)
}
