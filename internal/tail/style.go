package tail

import "github.com/fatih/color"

// styles are the colours of a Printer.
type styles struct {
	dim, client, server, good, moved, warn, bad *color.Color
}

// newStyles returns colours, or plain text.
func newStyles(colored bool) styles {
	style := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if colored {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return styles{
		dim:    style(color.Faint),
		client: style(color.FgCyan),
		server: style(color.FgMagenta),
		good:   style(color.FgGreen),
		moved:  style(color.FgCyan),
		warn:   style(color.FgYellow),
		bad:    style(color.FgRed),
	}
}

// status returns the colour of a status code.
func (s styles) status(code int) *color.Color {
	switch {
	case code < 300:
		return s.good
	case code < 400:
		return s.moved
	case code < 500:
		return s.warn
	default:
		return s.bad
	}
}
