package rules

import (
	"fmt"
	"regexp"
	"strings"
)

// Regex is a regular expression in the syntax of RE2, of at most 1 KiB.
type Regex struct{ *regexp.Regexp }

func (r *Regex) parse(text string) (err error) {
	r.Regexp, err = compileRegex(text)
	return err
}

// MarshalYAML returns the expression as written.
func (r *Regex) MarshalYAML() (any, error) { return r.String(), nil }

// Pattern is a glob, in which * is anything and letters have no case, or a
// regular expression between slashes. It is made by loading; the zero value must
// not be matched.
type Pattern struct {
	text    string
	matcher textMatcher
}

func (p *Pattern) parse(text string) error {
	p.text = text
	if len(text) > maxPattern {
		return fmt.Errorf("a pattern has at most %d bytes, this one %d", maxPattern, len(text))
	}
	if body, ok := cutRegex(text); ok {
		re, err := compileRegex(body)
		p.matcher = expression{re}
		return err
	}
	g, err := parseGlob(text)
	p.matcher = g
	return err
}

// String returns the pattern as written.
func (p *Pattern) String() string { return p.text }

// Match reports whether text is what the pattern means.
func (p *Pattern) Match(text string) bool { return p.matcher.matchText(text, fold(text)) }

// MarshalYAML returns the pattern as written.
func (p Pattern) MarshalYAML() (any, error) { return p.text, nil }

// HostPattern is a pattern over a host name. A leading dot means the name and all
// below it; with a :port that port alone is meant.
type HostPattern struct {
	text   string
	port   string // "" for any
	suffix string // ".example.com", "" if there is none
	bare   bool   // suffix also means the name itself, without its dot
	exact  string // "" if there is none
	other  textMatcher
}

func (h *HostPattern) parse(text string) error {
	*h = HostPattern{text: text}
	var p Pattern
	if err := p.parse(text); err != nil {
		return err
	}
	if _, ok := cutRegex(text); ok {
		h.other = p.matcher
		return nil
	}
	if strings.ContainsAny(text, "/@? ") || text == "" {
		return fmt.Errorf("%.60q is no host: write the name alone, as api.example.com", text)
	}
	name := h.cutPort(fold(text))
	stars := strings.Count(name, "*")
	switch {
	case strings.Trim(name, ".") == "" || strings.Trim(h.port, "0123456789") != "":
		return fmt.Errorf("%.60q is no host", text)
	case stars == 0 && strings.HasPrefix(name, "."):
		h.suffix, h.bare = name, true
	case stars == 0:
		h.exact = name
	case stars == 1 && strings.HasPrefix(name, "*."):
		h.suffix = name[1:]
	default:
		g, err := parseGlob(name)
		h.other = g
		return err
	}
	return nil
}

// cutPort takes the port off a host, and the brackets off an IPv6 address.
func (h *HostPattern) cutPort(host string) string {
	if inside, ok := strings.CutPrefix(host, "["); ok {
		address, rest, _ := strings.Cut(inside, "]")
		h.port = strings.TrimPrefix(rest, ":")
		return address
	}
	if name, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
		h.port = port
		return name
	}
	return host
}

// matchHost reports whether a folded host name and its port are meant.
func (h *HostPattern) matchHost(host, port string) bool {
	switch {
	case h.port != "" && h.port != port:
		return false
	case h.exact != "":
		return host == h.exact
	case h.suffix != "":
		return len(host) > len(h.suffix) && strings.HasSuffix(host, h.suffix) || h.bare && host == h.suffix[1:]
	default:
		return h.other.matchText(host, host)
	}
}

// String returns the pattern as written.
func (h *HostPattern) String() string { return h.text }

// MarshalYAML returns the pattern as written.
func (h HostPattern) MarshalYAML() (any, error) { return h.text, nil }
