package diff

import (
	"encoding/json"
	"io"
)

// Encoder writes a comparison as JSON lines: one of type exchange for each that
// differs, in volatile values too, and one of type summary.
type Encoder struct{ json *json.Encoder }

// NewEncoder returns an Encoder to w.
func NewEncoder(w io.Writer) *Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &Encoder{e}
}

type exchangeLine struct {
	Type    string       `json:"type"`
	Kind    Kind         `json:"kind"`
	Method  string       `json:"method"`
	URL     string       `json:"url"`
	A       uint64       `json:"a,omitempty"`
	B       uint64       `json:"b,omitempty"`
	Changes []changeLine `json:"changes,omitempty"`
	More    int          `json:"more,omitempty"`
}

type changeLine struct {
	Path     string `json:"path"`
	Kind     Kind   `json:"kind"`
	From     any    `json:"from,omitempty"`
	To       any    `json:"to,omitempty"`
	Volatile string `json:"volatile,omitempty"`
}

type summaryLine struct {
	Type      string `json:"type"`
	Different bool   `json:"different"`
	Same      int    `json:"same"`
	Volatile  int    `json:"volatile"`
	Changed   int    `json:"changed"`
	Added     int    `json:"added"`
	Removed   int    `json:"removed"`
}

// Exchange writes an exchange that differs.
func (e *Encoder) Exchange(x *Exchange) error {
	if x.Kind == Same {
		return nil
	}
	line := exchangeLine{
		Type: "exchange", Kind: x.Kind, Method: x.Method, URL: x.URL, A: x.A, B: x.B, More: x.More,
	}
	for _, c := range x.Changes {
		line.Changes = append(line.Changes, changeLine{c.Path, c.Kind, c.From, c.To, c.Shape})
	}
	return e.json.Encode(line)
}

// Summary writes the counts.
func (e *Encoder) Summary(s Summary) error {
	return e.json.Encode(summaryLine{
		Type: "summary", Different: s.Different(),
		Same: s.Same, Volatile: s.Volatile, Changed: s.Changed, Added: s.Added, Removed: s.Removed,
	})
}
