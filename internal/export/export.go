package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/record"
)

// Format is a language that requests are written in.
type Format string

// The formats.
const (
	Curl Format = "curl"
	K6   Format = "k6"
	HTTP Format = "http"
)

// Formats has all formats.
var Formats = [...]Format{Curl, K6, HTTP}

// ErrNotFound is wrapped by the error for an exchange that the recording does not
// have, or that is none of HTTP.
var ErrNotFound = errors.New("no such exchange")

// Options says what is written.
type Options struct {
	Format Format
	// ID is the exchange to write, 0 for all.
	ID uint64
	// Warn is called with what could not be written as it was recorded.
	Warn func(text string)
}

// writer writes in one language.
type writer interface {
	begin(w *bufio.Writer)
	request(w *bufio.Writer, r *request) error
	end(w *bufio.Writer)
}

// Write writes the requests of a recording in the order in which it has them.
func Write(w io.Writer, f *record.File, o Options) error {
	lang, err := o.Format.writer()
	if err != nil {
		return err
	}
	pending, err := unfinished(f)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	e := exporter{file: f, options: o, out: out, lang: lang, pending: pending}
	lang.begin(out)
	if err := f.Scan(e.line); err != nil {
		return errors.Join(err, out.Flush())
	}
	lang.end(out)
	e.tell()
	if o.ID != 0 && e.written == 0 {
		return fmt.Errorf("export exchange %d: %w", o.ID, ErrNotFound)
	}
	return out.Flush()
}

func (f Format) writer() (writer, error) {
	switch f {
	case Curl:
		return curl{}, nil
	case K6:
		return k6{}, nil
	case HTTP:
		return rest{}, nil
	}
	return nil, fmt.Errorf("unknown format %q", f)
}

// unfinished returns the exchanges that have no line but a pending one.
func unfinished(f *record.File) (map[uint64]bool, error) {
	pending := map[uint64]bool{}
	err := f.Scan(func(l record.Line) error {
		switch l.Type {
		case record.TypePending:
			pending[l.ID] = true
		case record.TypeHTTP, record.TypeWSOpen:
			delete(pending, l.ID)
		}
		return nil
	})
	return pending, err
}

// exporter goes through a recording.
type exporter struct {
	file    *record.File
	options Options
	out     *bufio.Writer
	lang    writer
	pending map[uint64]bool

	written, sockets, tunnels, redacted int
}

func (e *exporter) line(l record.Line) error {
	if e.options.ID != 0 && l.ID != e.options.ID {
		return nil
	}
	switch l.Type {
	case record.TypeWSOpen:
		e.sockets++
		return nil
	case record.TypePending:
		if !e.pending[l.ID] {
			return nil // its http line follows
		}
		delete(e.pending, l.ID) // there may be several
	case record.TypeHTTP:
	default:
		return nil
	}
	entry, err := record.ParseEntry(l.Raw)
	if err != nil {
		e.warn(fmt.Sprintf("exchange %d is left out: %v", l.ID, err))
		return nil
	}
	return e.entry(entry)
}

func (e *exporter) entry(entry *record.Entry) error {
	if entry.Request.Method == http.MethodConnect || !isHTTP(entry.Request.URL) {
		e.tunnels++
		return nil
	}
	r := newRequest(e.file, entry, e.warn)
	if problem := r.problem(); problem != "" {
		r.say("left out: " + problem)
		return nil
	}
	if r.redacted() {
		e.redacted++
	}
	e.written++
	if err := e.lang.request(e.out, r); err != nil {
		return fmt.Errorf("export exchange %d: %w", entry.ID, err)
	}
	return nil
}

func (e *exporter) warn(text string) {
	if e.options.Warn != nil {
		e.options.Warn(text)
	}
}

// tell says what was left out.
func (e *exporter) tell() {
	for _, part := range [...]struct {
		n    int
		text string
	}{
		{e.sockets, "WebSocket connections are left out: %d"},
		{e.tunnels, "requests without a URL of http or https are left out: %d"},
		{e.redacted, "requests that have {{redacted:...}} in the place of secrets: %d"},
	} {
		if part.n > 0 {
			e.warn(fmt.Sprintf(part.text, part.n))
		}
	}
}

// Known reports whether there is a format of that name.
func Known(name string) bool { return slices.Contains(Formats[:], Format(name)) }
