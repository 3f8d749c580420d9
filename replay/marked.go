package replay

import (
	"bytes"
	"slices"
	"strings"

	"github.com/necto-dev/necto/record"
)

// mark begins what a recording has in place of a secret. Names of the usual
// secrets say that their values are (see record.IsSecret); users have others
// redacted, which only the marks tell.
const mark = "{{redacted:"

func hasMark(s string) bool { return strings.Contains(s, mark) }

// hides reports whether the value of that name counts by presence only.
func (t *tolerance) hides(name, value string) bool {
	switch {
	case !t.masked:
		return false
	case record.IsSecret(name):
		return true
	case t.learns && hasMark(value):
		t.marked[strings.Clone(name)] = true
		return true
	default:
		return t.loose && t.marked[name]
	}
}

// loosened returns a tolerance in which values of all names that a recording has
// redacted somewhere count by presence, and false if there are no such names. It
// is for requests that nothing answers otherwise: recorded values that are there
// in clear text have to be equal. Where a request has a name several times, as in
// a list, all of its values have to be redacted or none.
func (t *tolerance) loosened() (*tolerance, bool) {
	loose := *t
	loose.loose = true
	return &loose, len(t.marked) > 0
}

// loosen returns the content digested anew.
func (c content) loosen(contentType string, tol *tolerance) content {
	if c.text == nil {
		return c
	}
	return digestText(c.kind, contentType, c.text, tol)
}

// mayHide reports whether values of a JSON text may count by presence for more
// than the names of the usual secrets.
func (t *tolerance) mayHide(text []byte) bool {
	return t.masked && (t.loose || t.learns && bytes.Contains(text, []byte(mark)))
}

// hidesValue reports whether the value between start and the place of the walker
// counts by presence only.
func (w *jsonWalker) hidesValue(start int) bool {
	return w.mayHide && isRedactable(w.data[start]) && w.tol.hides(w.name, string(w.data[start:w.pos]))
}

// areRedacted reports whether recorded values differ from those of a request only
// where they are marks.
func areRedacted(recorded, got []string) bool {
	return slices.EqualFunc(recorded, got, func(a, b string) bool { return a == b || hasMark(a) })
}
