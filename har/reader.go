package har

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrNotHAR is wrapped by errors that say that a file is no HAR; their text says
// what it looks like.
var ErrNotHAR = errors.New("not a HAR file")

// Warning is something in a HAR that is not as HAR 1.2 wants it and could not be
// understood, or only by a guess.
type Warning struct {
	// Entry is the number of the entry, from 1; 0 for the file.
	Entry int
	// Text says what is wrong, beginning with the name of the member.
	Text string
}

func (w Warning) String() string {
	if w.Entry == 0 {
		return w.Text
	}
	return fmt.Sprintf("entry %d: %s", w.Entry, w.Text)
}

// maxWarnings is how many warnings are kept.
const maxWarnings = 1000

// Reader reads the entries of a HAR one by one, at the memory of one entry. It is
// used by one goroutine.
//
// It takes what browsers and their tools write, see docs/har.md, and changes it to
// what this package documents: HTTPVersion has one spelling, a status below 0 is 0,
// pseudo-headers of HTTP/2 are left out, content is decoded.
type Reader struct {
	scan  *scanner
	files *files
	where place
	log   Log
	// hasLog says that the document has a log, hasEntries that this has entries.
	hasLog, hasEntries bool
	// number is how many elements of `entries` were read, lastLength how long the
	// last one was, in bytes.
	number     int
	lastLength int
	warnings   []Warning
	more       int // warnings that were not kept
	names      interner
	values     interner // of fields
	scratch    []byte   // what a string stands for
	list       []Pair   // the pairs that are being read
	err        error    // what Next returns from now on
	closers    []io.Closer
}

// place is what the scanner is in.
type place int

const (
	inDocument place = iota
	inLog
	inEntries
	atEnd
)

// NewReader begins to read a HAR from a stream, which may be compressed with gzip
// or zlib. Content in other files (`_file`) is out of reach. The error wraps
// ErrNotHAR if that is what it is. Close does not close in.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{files: noFiles("the HAR was read from a stream")}
	if err := r.start(in); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// start reads up to the first entry.
func (r *Reader) start(in io.Reader) error {
	document, closer, err := plain(in)
	if err != nil {
		return err
	}
	if closer != nil {
		r.closers = append(r.closers, closer)
	}
	r.scan = newScanner(document)
	if r.scan.peek() != '{' {
		return r.notHAR(nil)
	}
	start := slices.Clone(r.scan.buf[r.scan.pos:min(len(r.scan.buf), r.scan.pos+sniffSize)])
	r.scan.pos++
	err = r.toEntries()
	if !r.hasLog {
		return r.notHAR(start)
	}
	if err != nil {
		r.err = r.ending(err)
	}
	return nil
}

// notHAR returns the error for a document that begins with start, which may still
// be in the scanner.
func (r *Reader) notHAR(start []byte) error {
	s := r.scan
	if s.err != nil && !truncated(s.err) {
		return fmt.Errorf("read HAR: %w", s.err)
	}
	if start == nil {
		start = s.buf[s.pos:]
	}
	return fmt.Errorf("%w: it looks like %s", ErrNotHAR, describe(start))
}

// truncated reports whether err says that there is nothing more to read.
func truncated(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Next returns the next entry, which belongs to the caller. The error is io.EOF
// behind the last, also if the file was cut, which is a warning; any other error
// is one of reading, and final.
func (r *Reader) Next() (*Entry, error) {
	for r.err == nil {
		e, err := r.nextElement()
		if err != nil {
			r.err = r.ending(err)
		} else if e != nil {
			return e, nil
		}
	}
	return nil, r.err
}

// nextElement decodes the next element of `entries`; it returns nil for one that is
// no entry.
func (r *Reader) nextElement() (*Entry, error) {
	if err := r.toElement(); err != nil {
		return nil, err
	}
	if e := r.decodeBuffered(); e != nil {
		return e, nil
	}
	raw, err := r.scan.value()
	if err != nil {
		return nil, err
	}
	r.number++
	r.lastLength = len(raw)
	return r.decode(raw), nil
}

// toElement goes to the next element of `entries`, of which a file should have
// one, and may have more.
func (r *Reader) toElement() error {
	for {
		for r.where != inEntries {
			if err := r.toEntries(); err != nil {
				return err
			}
		}
		ok, err := r.scan.element()
		if ok || err != nil {
			return err
		}
		r.where = inLog
	}
}

// toEntries reads members up to the elements of `entries`, or to the end of the
// document: io.EOF.
func (r *Reader) toEntries() error {
	for r.where != inEntries {
		if r.where == atEnd {
			return r.trailing()
		}
		name, ok, err := r.scan.member()
		switch {
		case err != nil:
			return err
		case !ok && r.where == inLog:
			r.where = inDocument
		case !ok:
			r.where = atEnd
		case r.where == inDocument:
			err = r.documentMember(string(name))
		default:
			err = r.logMember(string(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// documentMember reads a member of the document, of which only `log` matters.
func (r *Reader) documentMember(name string) error {
	if name == "log" && r.scan.peek() == '{' {
		r.scan.pos++
		r.where, r.hasLog = inLog, true
		return nil
	}
	_, err := r.scan.value()
	return err
}

// logMember reads a member of `log`.
func (r *Reader) logMember(name string) error {
	if name == "entries" && r.scan.peek() == '[' {
		r.scan.pos++
		r.where, r.hasEntries = inEntries, true
		return nil
	}
	raw, err := r.scan.value()
	if err == nil {
		r.decodeLogMember(name, raw)
	}
	return err
}

// trailing returns io.EOF at the end of the document.
func (r *Reader) trailing() error {
	if r.scan.peek() != 0 || r.scan.pos < len(r.scan.buf) {
		r.warnFile("something follows the end of the document, it is ignored")
		return io.EOF
	}
	if !truncated(r.scan.err) {
		return r.scan.err
	}
	return io.EOF
}

// ending returns the error that Next ends with, and warns if that is not how a
// HAR ends.
func (r *Reader) ending(err error) error {
	var syntax *syntaxError
	switch {
	case err == io.EOF: //nolint:errorlint // our own, not of the stream
		if !r.hasEntries {
			r.warnFile("log.entries is missing")
		}
	case truncated(err):
		r.warnFile(fmt.Sprintf("the file was cut after entry %d, what follows it is lost", r.number))
	case errors.As(err, &syntax):
		r.warnFile(fmt.Sprintf("the file cannot be read behind entry %d: %v", r.number, err))
	default:
		return fmt.Errorf("read HAR behind entry %d: %w", r.number, err)
	}
	return io.EOF
}

// Log returns what the file says beside its entries, as far as it was read:
// members that are behind the entries are there when Next has returned io.EOF.
func (r *Reader) Log() Log { return r.log }

// Warnings returns what was wrong so far, in the order of the file.
func (r *Reader) Warnings() []Warning {
	all := slices.Clone(r.warnings)
	if r.more > 0 {
		all = append(all, Warning{Text: fmt.Sprintf("%d more warnings", r.more)})
	}
	return all
}

func (r *Reader) warnFile(text string) { r.addWarning(Warning{Text: text}) }

func (r *Reader) addWarning(w Warning) {
	if len(r.warnings) < maxWarnings {
		r.warnings = append(r.warnings, w)
	} else {
		r.more++
	}
}

// Close closes what Open opened. Content of other files cannot be opened any
// more.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errors.New("read HAR: the reader is closed")
	}
	errs := []error{r.files.close()}
	for _, c := range slices.Backward(r.closers) {
		errs = append(errs, c.Close())
	}
	r.closers = nil
	return errors.Join(errs...)
}
