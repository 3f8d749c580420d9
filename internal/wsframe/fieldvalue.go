package wsframe

import (
	"errors"
	"iter"
	"slices"
	"strings"
)

var errExtensions = errors.New("malformed Sec-WebSocket-Extensions")

// element is one extension of a Sec-WebSocket-Extensions field (RFC 6455 section
// 9.1).
type element struct {
	name   string
	params params
}

type params []param

type param struct {
	name, value string
	hasValue    bool
}

// has reports whether there is a parameter of that name.
func (ps params) has(name string) bool {
	return slices.ContainsFunc(ps, func(p param) bool { return strings.EqualFold(p.name, name) })
}

// elements iterates over the extensions named by field values, and stops after
// the first error, which is errExtensions.
func elements(values []string) iter.Seq2[element, error] {
	return func(yield func(element, error) bool) {
		for _, value := range values {
			for s := (scanner{value}); s.skip(); {
				e, err := s.element()
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// scanner reads a field value from its beginning.
type scanner struct{ rest string }

// skip drops white space and empty list elements, which RFC 9110 section 5.6.1
// allows, and reports whether anything is left.
func (s *scanner) skip() bool {
	s.rest = strings.TrimLeft(s.rest, ", \t")
	return s.rest != ""
}

// element reads an extension up to the next comma.
func (s *scanner) element() (element, error) {
	e := element{name: s.token()}
	if e.name == "" {
		return e, errExtensions
	}
	for s.take(';') {
		p := param{name: s.token()}
		if p.name == "" {
			return e, errExtensions
		}
		if p.hasValue = s.take('='); p.hasValue {
			if p.value = s.value(); p.value == "" {
				return e, errExtensions
			}
		}
		e.params = append(e.params, p)
	}
	if s.rest != "" && !s.take(',') {
		return e, errExtensions
	}
	return e, nil
}

// take drops c, and the white space around it, if it comes next.
func (s *scanner) take(c byte) bool {
	s.rest = strings.TrimLeft(s.rest, " \t")
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = strings.TrimLeft(s.rest[1:], " \t")
	return true
}

// token reads a token, "" if none comes next.
func (s *scanner) token() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool { return !isToken(r) })
	if end < 0 {
		end = len(s.rest)
	}
	t := s.rest[:end]
	s.rest = s.rest[end:]
	return t
}

// value reads a token or a quoted string, which must hold a token once its
// quotes and backslashes are gone; "" if there is neither.
func (s *scanner) value() string {
	quoted, ok := strings.CutPrefix(s.rest, `"`)
	if !ok {
		return s.token()
	}
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		switch c := quoted[i]; {
		case c == '"':
			s.rest = quoted[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(quoted):
			i++
		}
		if !isToken(rune(quoted[i])) {
			return ""
		}
		b.WriteByte(quoted[i])
	}
	return ""
}

// isToken reports whether r may be in a token (RFC 9110 section 5.6.2).
func isToken(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	default:
		return r < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
}
