package tail

import "github.com/fatih/color"

// colour is a colour of a terminal, or none.
type colour = color.Color

// styles are the colours of a printer.
type styles struct {
	plain, dim, client, server, good, moved, warn, bad *colour
}

// newStyles returns colours, or plain text.
func newStyles(colored bool) styles {
	style := func(attributes ...color.Attribute) *colour {
		c := color.New(attributes...)
		if colored {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return styles{
		plain:  style(),
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
func (s *styles) status(code int) *colour {
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

// side returns the colour of what a side sends.
func (s *styles) side(client bool) *colour {
	if client {
		return s.client
	}
	return s.server
}
