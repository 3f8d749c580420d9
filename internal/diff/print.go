package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/fatih/color"
)

// maxValue is how much of a value is printed, in characters.
const maxValue = 120

// Printer prints a comparison for people: exchanges that differ, and at the end
// how many there are of each kind. Exchanges that differ only in volatile values
// are counted and not shown.
type Printer struct {
	w                     io.Writer
	bad, good, moved, dim *color.Color
}

// NewPrinter returns a Printer to w, which may be a terminal with colours.
func NewPrinter(w io.Writer, colored bool) *Printer {
	style := func(attribute color.Attribute) *color.Color {
		c := color.New(attribute)
		if colored {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return &Printer{
		w: w, bad: style(color.FgRed), good: style(color.FgGreen), moved: style(color.FgYellow), dim: style(color.Faint),
	}
}

// Exchange prints an exchange.
func (p *Printer) Exchange(x *Exchange) error {
	var b strings.Builder
	name := printable(x.Method + " " + x.URL)
	switch x.Kind {
	case Same, Volatile:
		return nil
	case Added:
		b.WriteString(p.good.Sprintf("+ %s", name) + p.dim.Sprintf("  (#%d)", x.B) + "\n")
	case Removed:
		b.WriteString(p.bad.Sprintf("- %s", name) + p.dim.Sprintf("  (#%d)", x.A) + "\n")
	case Changed:
		b.WriteString(p.moved.Sprintf("~ %s", name) + p.dim.Sprintf("  (#%d, #%d)", x.A, x.B) + "\n")
		for i := range x.Changes {
			b.WriteString("    " + p.change(&x.Changes[i]) + "\n")
		}
		if x.More > 0 {
			b.WriteString(p.dim.Sprintf("    %d more", x.More) + "\n")
		}
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *Printer) change(c *Change) string {
	from, to, mark := p.bad.Sprint(valueText(c.From)), p.good.Sprint(valueText(c.To)), ""
	if c.Shape != "" {
		from, to = p.dim.Sprint(valueText(c.From)), p.dim.Sprint(valueText(c.To))
		mark = p.dim.Sprintf("  (volatile: %s)", c.Shape)
	}
	path := printable(c.Path)
	switch c.Kind {
	case Added:
		return path + "  + " + to + mark
	case Removed:
		return path + "  - " + from + mark
	default:
		return path + "  " + from + " -> " + to + mark
	}
}

// Summary prints the counts that are not 0.
func (p *Printer) Summary(s Summary) error {
	var parts []string
	for _, count := range [...]struct {
		n    int
		text string
	}{
		{s.Same, "the same"},
		{s.Volatile, "different in volatile values only"},
		{s.Changed, "changed"},
		{s.Added, "added"},
		{s.Removed, "removed"},
	} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.text))
		}
	}
	if parts == nil {
		parts = []string{"no exchanges"}
	}
	_, err := fmt.Fprintln(p.w, strings.Join(parts, ", "))
	return err
}

// valueText returns a value as JSON on one line, cut where it is long.
func valueText(v any) string {
	text := []rune(printable(jsonText(v)))
	if len(text) > maxValue {
		return string(text[:maxValue]) + "…"
	}
	return string(text)
}

func jsonText(v any) string {
	if d, ok := v.(digest); ok {
		return digestText(d)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error() // never: it came from JSON
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func digestText(d digest) string {
	if d.SHA256 == "" {
		return fmt.Sprintf("%d bytes", d.Size)
	}
	return fmt.Sprintf("%d bytes, sha256 %.12s", d.Size, d.SHA256)
}

// printable escapes what a terminal would obey, also what turns the direction of
// text.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
