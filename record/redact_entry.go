package record

import (
	"bytes"
	"io"

	"github.com/necto-dev/necto/traffic"
)

// Redactor replaces the secrets in lines of a recording that was made without
// redaction, or with less of it, the way a Writer does. Marks that are there stay as
// they are. It is used by one goroutine, and for the lines of a run in their order.
type Redactor struct{ enc encoder }

// NewRedactor returns a Redactor that looks for the usual secrets and for those of
// also. The error says which Pattern cannot be used.
func NewRedactor(also []Pattern) (*Redactor, error) {
	p, err := compilePatterns(also)
	if err != nil {
		return nil, err
	}
	r := &Redactor{enc: newEncoder("", Options{Redaction: "auto", InlineMax: -1})}
	r.enc.redact.use(p)
	r.enc.redact.thorough = true
	return r, nil
}

// Entry replaces the secrets in the URL, the fields and the inline content of e,
// and reports whether there were any. Content in sidecars goes through Content.
func (r *Redactor) Entry(e *Entry) bool {
	found := r.url(&e.Request.URL)
	found = r.message(&e.Request.Header, &e.Request.Trailer, e.Request.Body) || found
	found = r.agreed(&e.WS) || found
	if e.Response == nil {
		return found
	}
	found = r.message(&e.Response.Header, &e.Response.Trailer, e.Response.Body) || found
	for i := range e.Response.Informational {
		found = r.fields(&e.Response.Informational[i].Header) || found
	}
	return found
}

// Frame replaces the secrets in the inline content of f, and reports whether there
// were any. Content in a sidecar is read first, see [File.ReadFrame].
func (r *Redactor) Frame(f *FrameEntry) bool {
	found := r.inline(&f.Body, r.payload(f))
	if found {
		f.Decoded = true // it is no longer what was on the wire
	}
	if f.Original != nil {
		found = r.inline(f.Original, r.clean(f.Original.Inline, jsonGrammar{})) || found
	}
	return found
}

// Close forgets a connection that has ended.
func (r *Redactor) Close(id uint64) { r.enc.fragments.forget(traffic.ExchangeID(id)) }

// Content returns a reader of content in a sidecar without its secrets; header is
// that of the message. Of content that is no text it is src itself.
func (r *Redactor) Content(src io.Reader, header traffic.Fields) io.Reader {
	g := r.grammar(header)
	if g == nil {
		return src
	}
	s := &scanner{grammar: g, redactor: r.enc.redact}
	return &windowReader{src: s.reader(src), scan: s.scan}
}

func (r *Redactor) grammar(header traffic.Fields) grammar {
	return r.enc.classes.body(contentOf(header).mediaType).grammar(&r.enc.redact.patterns)
}

func (r *Redactor) url(u *string) bool {
	clean := string(r.enc.url(recordedURL(*u)))
	found := clean != *u
	*u = clean
	return found
}

func (r *Redactor) agreed(ws **traffic.WebSocket) bool {
	clean := r.enc.agreed(*ws)
	found := clean != *ws
	*ws = clean
	return found
}

func (r *Redactor) message(header, trailer *traffic.Fields, b *EntryBody) bool {
	found := false
	if b != nil && b.File == "" {
		found = r.inline(b, r.clean(b.Inline, r.grammar(*header)))
	}
	found = r.fields(trailer) || found
	return r.fields(header) || found
}

// fields replaces fs by a copy without secrets, if it has any.
func (r *Redactor) fields(fs *traffic.Fields) bool {
	found := false
	for i, f := range *fs {
		class := classOfField(f)
		if class == fieldPlain && r.enc.redact.patterns.isField(f.Name) {
			class = fieldSecret
		}
		clean := string(r.enc.redact.appendField(nil, f, class))
		if clean == f.Value {
			continue
		}
		if !found {
			*fs, found = fs.Clone(), true
		}
		(*fs)[i] = traffic.Field{Name: f.Name, Value: clean}
	}
	return found
}

// clean returns content without its secrets.
func (r *Redactor) clean(content []byte, g grammar) []byte {
	if g == nil {
		return content
	}
	return bytes.Clone(r.enc.bodies.inline(content, r.enc.scanner(g)).bytes)
}

// payload returns the content of a frame without its secrets.
func (r *Redactor) payload(f *FrameEntry) []byte {
	frame := f.Frame(&traffic.Exchange{ID: traffic.ExchangeID(f.ID)})
	if !isFragment(frame) {
		return r.clean(f.Body.Inline, jsonGrammar{})
	}
	return r.enc.redact.withoutShapes(r.enc.fragments.append(nil, frame, r.enc.redact))
}

// inline puts clean in the place of content, and reports whether it is different.
func (r *Redactor) inline(b *EntryBody, clean []byte) bool {
	if b.File != "" || bytes.Equal(b.Inline, clean) {
		return false
	}
	b.Inline = clean
	if !b.Truncated {
		b.Size = int64(len(clean))
	}
	return true
}
