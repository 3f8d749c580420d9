package mockttp

import (
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// writer builds a payload. Its methods write a member each: name is what precedes
// the value, as `,"id":`.
type writer struct{ Payload }

func (w *writer) raw(s string) { w.Text = append(w.Text, s...) }

func (w *writer) str(name, value string) {
	w.raw(name)
	w.Text = jsonenc.AppendText(w.Text, value)
}

// optional writes a member unless it is empty.
func (w *writer) optional(name, value string) {
	if value != "" {
		w.str(name, value)
	}
}

func (w *writer) int(name string, n int64) {
	w.raw(name)
	w.Text = strconv.AppendInt(w.Text, n, 10)
}

func (w *writer) bool(name string, b bool) {
	w.raw(name)
	w.Text = strconv.AppendBool(w.Text, b)
}

func (w *writer) startTime(name string, c clock, t time.Time) {
	w.raw(name)
	w.Text = c.appendTime(w.Text, t)
}

// timestamp writes a time, unless it is zero.
func (w *writer) timestamp(name string, c clock, t time.Time) {
	if !t.IsZero() {
		w.raw(name)
		w.Text = c.appendTimestamp(w.Text, t)
	}
}

// binary writes bytes as an attachment, also if there are none: clients ask for
// their length.
func (w *writer) binary(name string, p []byte) {
	w.raw(name)
	w.raw(`{"_placeholder":true,"num":`)
	w.Holes = append(w.Holes, len(w.Text))
	w.raw("}")
	w.Attachments = append(w.Attachments, p)
}

// list writes texts, also if there are none.
func (w *writer) list(name string, texts []string) {
	w.raw(name)
	sep := "["
	for _, s := range texts {
		w.str(sep, s)
		sep = ","
	}
	if len(texts) == 0 {
		w.raw(sep)
	}
	w.raw("]")
}

// rawFields writes fields as they are: pairs of name and value.
func (w *writer) rawFields(name string, fields traffic.Fields) {
	w.raw(name)
	sep := "["
	for i := range fields {
		w.str(sep+"[", fields[i].Name)
		w.str(",", fields[i].Value)
		w.raw("]")
		sep = ","
	}
	if len(fields) == 0 {
		w.raw(sep)
	}
	w.raw("]")
}

// fields writes an object: names in lower case, several values of a name as a
// list.
func (w *writer) fields(name string, fields traffic.Fields) {
	w.raw(name)
	sep := "{"
	for i := range fields {
		name := fields[i].Name
		if fields.Index(name) != i {
			continue // it is with the first of its name
		}
		w.str(sep, strings.ToLower(name))
		sep = ","
		if fields[i+1:].Has(name) {
			w.list(":", fields[i:].Values(name))
		} else {
			w.str(":", fields[i].Value)
		}
	}
	if len(fields) == 0 {
		w.raw(sep)
	}
	w.raw("}")
}

// header writes a header in both forms.
func (w *writer) header(fields traffic.Fields) {
	w.fields(`,"headers":`, fields)
	w.rawFields(`,"rawHeaders":`, fields)
}

// trailer writes a trailer in both forms.
func (w *writer) trailer(fields traffic.Fields) {
	w.rawFields(`,"rawTrailers":`, fields)
	w.fields(`,"trailers":`, fields)
}
