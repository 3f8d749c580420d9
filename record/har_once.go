package record

import (
	"bytes"
	"fmt"
	"io"

	"github.com/necto-dev/necto/har"
)

// onceInlineMax is how long content of a HAR that is read once may be to stay in its
// line, in bytes. Almost all is shorter, and a line takes six times as much at most.
const onceInlineMax = 1 << 20

// once is a HAR that is read from its beginning to its end.
type once struct {
	har    *har.Reader
	bodies bodyStore
}

// OpenHAR is Open for a HAR of which no copy is made: Scan can be called once, and
// reads it then. ReadLine and Meta have nothing. Content of more than 1 MiB is in a
// temporary folder until Close, the rest in the lines. The File is used by one
// goroutine.
func OpenHAR(path string) (*File, error) {
	r, err := har.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, notRecording(err))
	}
	return &File{path: path, once: &once{har: r, bodies: bodyStore{inlineMax: onceInlineMax}}}, nil
}

// scanOnce is Scan for what OpenHAR has opened.
func (f *File) scanOnce(fn func(Line) error) error {
	sidecars := &f.once.bodies.sidecar
	defer func() { f.folder, f.private = sidecars.dir, sidecars.dir }()
	return scanHAR(f.once.har, &f.once.bodies, prefixed(f.path, f.warn), asLines(func(l Line) error {
		f.folder, f.private = sidecars.dir, sidecars.dir
		return fn(l)
	}))
}

// close closes the HAR and the folder that its content was written to.
func (o *once) close() error { return closeAfter(o.har, o.bodies.sidecar.close()) }

// scanHARStream is ScanStream for a HAR.
func scanHARStream(name string, in io.Reader, warn func(text string), fn func(Line) error) error {
	r, err := har.NewReader(in)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, notRecording(err))
	}
	return closeAfter(r, scanHAR(r, &bodyStore{inlineMax: -1}, prefixed(name, warn), asLines(fn)))
}

// asLines returns a function that calls fn with a line that it is given with its end.
func asLines(fn func(Line) error) func(line []byte) error {
	offset := int64(0)
	return func(line []byte) error {
		raw := bytes.TrimSuffix(line, []byte("\n"))
		at := offset
		offset += int64(len(line))
		return fn(newLine(parseHead(raw), at, raw))
	}
}

// prefixed returns a warn that says which file is meant.
func prefixed(name string, warn func(string)) func(string) {
	return func(text string) { warn(name + ": " + text) }
}
