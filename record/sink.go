package record

import (
	"errors"
	"fmt"
	"io"
)

// Sink takes the lines of a recording in the place of a file. A Writer calls its
// methods from one goroutine at a time.
type Sink interface {
	// Write takes whole lines, which it must not keep. The first error ends the
	// recording.
	io.Writer
	// Bodies returns the sidecar folder of the lines of the next Write. It is made
	// with the first body, and its files are named for their SHA-256. After a Write
	// it may be another: what came before is not referred to any more.
	Bodies() string
	// Close is called after the last Write.
	io.Closer
}

// New starts a recording whose lines go to s, which is closed by Close, or here if
// there is an error. Append, Force and HARProfile of the options mean nothing.
func New(s Sink, o Options) (w *Writer, err error) {
	o.Append, o.Force = false, false
	if o, err = o.complete(); err != nil {
		err = errors.Join(err, s.Close())
	} else {
		w, err = begin(&output{w: s, sink: s, close: s.Close}, "", o)
	}
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	return w, nil
}
