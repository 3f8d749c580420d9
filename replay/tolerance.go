package replay

import (
	"strings"

	"github.com/necto-dev/necto/internal/protoset"
)

// Field names a part of requests that is not compared. One of its members is set.
type Field struct {
	// Query is the name of a query parameter. Form is that of a field in a form,
	// urlencoded or of parts.
	Query, Form string
	// JSON is a path to values in JSON content, and in messages of WebSocket
	// clients: names and indexes joined by ".", where "#" and "*" stand for any.
	JSON string
	// Header and Cookie name what is never compared anyhow.
	Header, Cookie string
}

// tolerance says what may differ where contents and URLs are compared. The zero
// value compares all.
type tolerance struct {
	masked bool // secrets count by presence
	// marked are names, other than those of the usual secrets, whose values are
	// redacted in a recording; see hides. Written while recordings are loaded.
	marked map[string]bool
	learns bool // marks count by presence, and their names are noted in marked
	loose  bool // values of names in marked count by presence

	// protos describe messages of gRPC, which are compared as JSON then; nil for
	// none.
	protos *protoset.Set

	query, form map[string]bool
	json        paths
}

// ignore adds fields that are not compared at all.
func (t *tolerance) ignore(fields []Field) {
	t.query, t.form = make(map[string]bool), make(map[string]bool)
	for _, f := range fields {
		switch {
		case f.Query != "":
			t.query[f.Query] = true
		case f.Form != "":
			t.form[f.Form] = true
		case f.JSON != "":
			t.json = append(t.json, strings.Split(f.JSON, "."))
		}
	}
}

// paths lead from a JSON value to others within it, name by name.
type paths [][]string

// below returns where the paths lead from a member of that name, or an element
// of that index, and whether one ends there.
func (p paths) below(name string) (rest paths, ends bool) {
	for _, path := range p {
		switch {
		case path[0] != name && path[0] != "#" && path[0] != "*":
		case len(path) == 1:
			return nil, true
		default:
			rest = append(rest, path[1:])
		}
	}
	return rest, false
}
