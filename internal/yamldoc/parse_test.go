package yamldoc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want string // of the content, "" for none
		err  *Error
	}{
		"one document":         {text: "a\n", want: "a"},
		"marked ends":          {text: "---\na\n...\n", want: "a"},
		"nothing":              {},
		"only a comment":       {text: "# a\n"},
		"no YAML":              {text: "a: [", err: &Error{1, 1, "did not find expected node content"}},
		"no YAML further down": {text: "a: 1\nb: c: 2\n", err: &Error{2, 1, "mapping values are not allowed in this context"}},
		"a second document":    {text: "a\n---\nb\n", want: "a", err: &Error{2, 1, "there is a second document"}},
		"no YAML behind it":    {text: "a\n---\n[", want: "a", err: &Error{3, 1, "did not find expected node content"}},
		"an alias of nothing":  {text: "*c", err: &Error{1, 1, "unknown anchor 'c' referenced"}},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := Parse([]byte(test.text))
			if diff := cmp.Diff(test.err, err); diff != "" {
				t.Error(diff)
			}
			if got := valueOf(content); got != test.want {
				t.Errorf("got content %q, want %q", got, test.want)
			}
		})
	}
}

func valueOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

func TestErrorHasItsPosition(t *testing.T) {
	err := &Error{Line: 3, Column: 2, Text: "there is a second document"}
	if got, want := err.Error(), "3:2: there is a second document"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// panicking is a reader that panics, as go-yaml does somewhere behind it.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("index out of range") }

func TestPanicsAreErrors(t *testing.T) {
	err := decode(yaml.NewDecoder(panicking{}), new(yaml.Node))
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(&Error{1, 1, "index out of range"}, syntaxError(err)); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse checks that whatever comes is a document or an error with a position.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "a: 1\n", "- &a [b]\n- *a\n", "a\n---\nb\n", "a: [", "%YAML 1.1\n", "? {\n", "\xff", "\ufeffa", "!!t |\n a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		content, err := Parse(text)
		if err != nil && (err.Line < 1 || err.Column < 1 || err.Text == "") {
			t.Errorf("%q: error %+v", text, *err)
		}
		if content != nil && (content.Line < 1 || content.Column < 1) {
			t.Errorf("%q: content at %d:%d", text, content.Line, content.Column)
		}
	})
}
