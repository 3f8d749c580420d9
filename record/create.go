package record

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/oklog/ulid/v2"

	"github.com/necto-dev/necto/traffic"
)

// Create starts a recording at path; "-" is standard output, which Close leaves
// open. A name that ends with .har makes it a HAR, whose content is all inline. On standard output, pipes and devices all bodies are inline. Unless told
// otherwise it refuses a file that has content with ErrExists; an Append needs a
// recording (ErrNotRecording) of a version that can be continued (*VersionError)
// and the same redaction (ErrRedaction).
func Create(path string, o Options) (*Writer, error) {
	w, err := create(path, o)
	if err != nil {
		return nil, fmt.Errorf("create recording %s: %w", path, err)
	}
	return w, nil
}

func create(path string, o Options) (*Writer, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	out, err := openOutput(path, o)
	if err != nil {
		return nil, err
	}
	return begin(out, path, o)
}

// complete returns o with what is filled in, or what is wrong with it.
func (o Options) complete() (Options, error) {
	if o.Redaction == "" {
		o.Redaction = "auto"
	}
	if o.Redaction != "auto" && o.Redaction != "off" {
		return o, fmt.Errorf("unknown redaction %q", o.Redaction)
	}
	if o.Append && o.Force {
		return o, errors.New("either append or replace, not both")
	}
	if o.Session == "" {
		o.Session = ulid.Make().String()
	}
	_, err := compilePatterns(o.Redact)
	return o, err
}

// begin starts a recording on an output, which is closed if that fails.
func begin(out *output, path string, o Options) (*Writer, error) {
	w, err := start(out, path, o)
	if err != nil && out.close != nil {
		err = errors.Join(err, out.close())
	}
	return w, err
}

// start writes the first line and starts the writing goroutine.
func start(out *output, path string, o Options) (*Writer, error) {
	w := &Writer{
		queue:  newQueue(),
		failed: make(chan struct{}),
		done:   make(chan struct{}),
		out:    out,
		enc:    newEncoder(path, o),
		log:    o.Log,
		open:   openExchanges{byID: map[traffic.ExchangeID]openExchange{}},
		pick:   newSelection(o.Filter, o.Protos),
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case out.sink != nil: // which says where bodies go
	case out.file == nil:
		w.enc.bodies.inlineMax = -1
	default:
		if err := w.continueOrClear(path, o); err != nil {
			return nil, err
		}
	}
	if err := w.write(w.enc.appendMeta(nil, o.Session, o)); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// continueOrClear finds where an existing recording goes on, or removes the
// bodies of the one that is replaced.
func (w *Writer) continueOrClear(path string, o Options) error {
	if o.Force {
		return PruneBodies(path, nil)
	}
	if w.out.size == 0 {
		return nil
	}
	last, err := lastOf(w.out.file)
	if err != nil {
		return err
	}
	if last.redaction != o.Redaction {
		return fmt.Errorf("%w: %s", ErrRedaction, last.redaction)
	}
	w.enc.seq, w.enc.baseID, w.enc.baseConn = last.seq, last.id, last.conn
	if err := w.out.cut(last.end); err != nil || !last.open {
		return err
	}
	return w.out.write([]byte{'\n'})
}
