package tail

import (
	"bytes"
	"encoding/json"
)

// shortID is how many characters a recorder is known by on a terminal: the last
// ones of a ULID, which are random.
const shortID = 6

// parts are the recordings of a source that has several.
type parts struct {
	// newSink returns what prints the lines of a recorder; nil for a source that
	// has one recording.
	newSink func(recorder string) sink
	byID    map[string]*reader
	order   []*reader
}

// From implements Handler.
func (r *reader) From(recorder string) Handler {
	one := r.parts.byID[recorder]
	if one == nil {
		one = newReader(r.o, r.source, r.out, r.parts.newSink(recorder))
		if r.parts.byID == nil {
			r.parts.byID = map[string]*reader{}
		}
		r.parts.byID[recorder] = one
		r.parts.order = append(r.parts.order, one)
	}
	return one
}

// each calls fn for each recording in the order in which they began.
func (p *parts) each(fn func(*reader) error) error {
	for _, one := range p.order {
		if err := fn(one); err != nil {
			return err
		}
	}
	return nil
}

// short returns what a recorder is called on a terminal.
func short(recorder string) string {
	return Safe(recorder[max(0, len(recorder)-shortID):])
}

// recorderPrinter prints lines as they are, with the recorder as their last member:
// together with seq it tells a line from all others.
type recorderPrinter struct {
	out    *output
	member []byte // and the end of the line
	line   []byte // scratch
}

func newRecorderPrinter(out *output, recorder string) *recorderPrinter {
	text, _ := json.Marshal(recorder) // a string can be encoded
	return &recorderPrinter{out: out, member: append(append([]byte(`,"recorder":`), text...), '}')}
}

func (p *recorderPrinter) print(it *item) error {
	p.line = append(append(p.line[:0], bytes.TrimSuffix(it.Raw, []byte("}"))...), p.member...)
	return p.out.writeLine(p.line)
}
