package export

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// k6 writes a script for k6: a function that makes the requests one after the
// other.
type k6 struct{}

func (k6) begin(w *bufio.Writer) {
	_, _ = w.WriteString(`import http from "k6/http";
import encoding from "k6/encoding";

export default function () {
`)
}

func (k6) end(w *bufio.Writer) { _, _ = w.WriteString("}\n") }

func (k6) request(w *bufio.Writer, r *request) error {
	if r.err != nil {
		return r.err
	}
	_, _ = w.WriteString("  // " + r.title() + "\n  http.request(" + literal(r.method) + ", " + literal(r.url) + ", ")
	if err := k6Body(w, r); err != nil {
		return err
	}
	_, _ = w.WriteString(", {\n    headers: {\n")
	for _, f := range joined(r.header) {
		_, _ = w.WriteString("      " + literal(f.Name) + ": " + literal(f.Value) + ",\n")
	}
	_, _ = w.WriteString("    },\n    tags: { exchange: \"" + strconv.FormatUint(r.id, 10) + "\" },\n  });\n")
	return nil
}

func k6Body(w *bufio.Writer, r *request) error {
	switch {
	case r.body == nil:
		_, _ = w.WriteString("null")
		return nil
	case r.isText:
		_, _ = w.WriteString(literal(r.text))
		return nil
	}
	content, err := r.open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, _ = w.WriteString(`encoding.b64decode("`)
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(encoder, content); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, _ = w.WriteString(`")`)
	return nil
}

// literal returns a string of JavaScript. JSON is one since ECMAScript 2019.
func literal(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // no string fails
	return strings.TrimSuffix(b.String(), "\n")
}

// joined returns the fields as an object can have them: those of one name as one
// (RFC 9110 section 5.3; for Cookie RFC 9113 section 8.2.3).
func joined(fields traffic.Fields) traffic.Fields {
	var all traffic.Fields
	for _, f := range fields {
		if all.Has(f.Name) {
			continue
		}
		separator := ", "
		if f.Is("Cookie") {
			separator = "; "
		}
		all.Add(f.Name, strings.Join(fields.Values(f.Name), separator))
	}
	return all
}
