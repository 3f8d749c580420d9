package rules

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// PathPattern is a glob over a path: * is anything in a segment, ** any number of
// segments, and {name} one segment, which it captures. As paths begin with a slash
// and may end with one, a regular expression begins with "/^" or ends with "$/".
type PathPattern struct {
	text string
	// prefix is what a path must begin with, folded; often that is all there
	// is to say.
	prefix string
	kind   pathKind
	re     *regexp.Regexp // for pathRegex
}

type pathKind uint8

const (
	pathExact pathKind = iota // the path is prefix
	pathBelow                 // the path is prefix, or below it
	pathRegex
)

func (p *PathPattern) parse(text string) error {
	*p = PathPattern{text: text}
	if len(text) > maxPattern {
		return fmt.Errorf("a pattern has at most %d bytes, this one %d", maxPattern, len(text))
	}
	body, regex := cutRegex(text)
	if regex && (strings.HasPrefix(text, "/^") || strings.HasSuffix(strings.TrimSuffix(text, "i"), "$/")) {
		re, err := compileRegex(body)
		p.kind, p.re = pathRegex, re
		return err
	}
	if text == "" || !strings.Contains("/*{", text[:1]) {
		return fmt.Errorf("%.60q is no path: a path begins with /", text)
	}
	return p.parseGlob(text)
}

// parseGlob keeps the literal start of the glob, and makes an expression of what is
// not simple.
func (p *PathPattern) parseGlob(text string) error {
	end := strings.IndexAny(text, `*{\`)
	switch {
	case end < 0:
		p.prefix = fold(text)
		return nil
	case strings.HasSuffix(text, "/**") && end == len(text)-len("**"):
		p.kind, p.prefix = pathBelow, fold(strings.TrimSuffix(text, "/**"))
		return nil
	}
	// "/a/**/b" also means "/a/b": the slash is not part of the literal start.
	p.kind, p.prefix = pathRegex, fold(strings.TrimSuffix(text[:end], "/"))
	source, err := pathExpression(text)
	if err != nil {
		return err
	}
	p.re, err = regexp.Compile(source)
	return err
}

// pathExpression returns the regular expression for a path glob.
func pathExpression(text string) (string, error) {
	var re strings.Builder
	re.WriteString("(?is)^")
	for text != "" {
		switch {
		case text == "/**":
			re.WriteString("(?:/.*)?")
			text = ""
		case strings.HasPrefix(text, "/**/"):
			re.WriteString("(?:/.*)?/")
			text = text[len("/**/"):]
		case strings.HasPrefix(text, "**"):
			re.WriteString(".*")
			text = strings.TrimLeft(text, "*")
		case text[0] == '*':
			re.WriteString("[^/]*")
			text = text[1:]
		case text[0] == '{':
			name, rest, ok := strings.Cut(text[1:], "}")
			if !ok || !captureName.MatchString(name) {
				return "", errors.New("write a capture as {name}, with letters, digits and _; a brace that is meant as \\{")
			}
			if strings.Contains(re.String(), "(?P<"+name+">") {
				return "", fmt.Errorf("{%s} is here twice", name)
			}
			re.WriteString("(?P<" + name + ">[^/]+)")
			text = rest
		case text[0] == '\\' && len(text) == 1:
			return "", errors.New(`a pattern cannot end with a \ that escapes nothing`)
		default:
			text = strings.TrimPrefix(text, `\`)
			size := strings.IndexAny(text[1:], `/*{\`) + 1
			if size == 0 {
				size = len(text)
			}
			re.WriteString(regexp.QuoteMeta(text[:size]))
			text = text[size:]
		}
	}
	return re.String() + "$", nil
}

var captureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// matchPath reports whether a path, as sent and folded, is meant.
func (p *PathPattern) matchPath(path, folded string) bool {
	if !strings.HasPrefix(folded, p.prefix) {
		return false
	}
	switch p.kind {
	case pathExact:
		return len(folded) == len(p.prefix)
	case pathBelow:
		return len(folded) == len(p.prefix) || folded[len(p.prefix)] == '/'
	default:
		return p.re.MatchString(path)
	}
}

// captures adds what the pattern captures of a path that it matches, percent
// decoding undone.
func (p *PathPattern) captures(path string, into map[string]string) {
	if p.re == nil {
		return
	}
	found := p.re.FindStringSubmatch(path)
	for i, name := range p.re.SubexpNames() {
		if name == "" || found == nil {
			continue
		}
		text := found[i]
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
		into[name] = text
	}
}

// literal returns the path if the pattern is one, else "".
func (p *PathPattern) literal() string {
	if p.kind == pathExact {
		return p.text
	}
	return ""
}

// String returns the pattern as written.
func (p *PathPattern) String() string { return p.text }

// MarshalYAML returns the pattern as written.
func (p PathPattern) MarshalYAML() (any, error) { return p.text, nil }
