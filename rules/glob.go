package rules

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Bounds of a pattern. The time that an expression takes grows with its text and
// with its instructions, of which a few bytes as ".{1000}" can make many.
const (
	maxPattern      = 1 << 10 // bytes of a glob or regular expression
	maxInstructions = 10_000  // of a regular expression
)

// textMatcher tells whether text is meant. folded is text in lower case, as fold
// makes it.
type textMatcher interface {
	matchText(text, folded string) bool
}

// fold returns s with ASCII letters in lower case. Other letters keep their case,
// so that folding never changes the length.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return foldFrom(s, i)
		}
	}
	return s
}

func foldFrom(s string, first int) string {
	b := []byte(s)
	for i, c := range b[first:] {
		if c >= 'A' && c <= 'Z' {
			b[first+i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// glob is a pattern in which * is anything, matched without regard to the case
// of ASCII letters. It is the literal text between the stars, folded.
type glob []string

// parseGlob splits a pattern at its stars. A backslash takes the meaning from what
// follows it.
func parseGlob(pattern string) (glob, error) {
	var g glob
	var literal strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '\\':
			if i++; i == len(pattern) {
				return nil, errors.New(`a pattern cannot end with a \ that escapes nothing`)
			}
			literal.WriteByte(pattern[i])
		case '*':
			if literal.Len() > 0 || len(g) == 0 {
				g = append(g, fold(literal.String()))
				literal.Reset()
			}
		default:
			literal.WriteByte(c)
		}
	}
	return append(g, fold(literal.String())), nil
}

func (g glob) matchText(_, folded string) bool {
	first, last := g[0], g[len(g)-1]
	if len(g) == 1 {
		return folded == first
	}
	if len(folded) < len(first)+len(last) || !strings.HasPrefix(folded, first) || !strings.HasSuffix(folded, last) {
		return false
	}
	folded = folded[len(first) : len(folded)-len(last)]
	for _, part := range g[1 : len(g)-1] {
		i := strings.Index(folded, part)
		if i < 0 {
			return false
		}
		folded = folded[i+len(part):]
	}
	return true
}

// expression is a regular expression as a textMatcher.
type expression struct{ *regexp.Regexp }

func (e expression) matchText(text, _ string) bool { return e.MatchString(text) }

// compileRegex compiles an expression of bounded length.
func compileRegex(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a regular expression has at most %d bytes, this one %d", maxPattern, len(text))
	}
	if err := checkInstructions(text); err != nil {
		return nil, fmt.Errorf("regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return regexp.Compile(text)
}

// checkInstructions returns an error for what is no expression, or a large one.
func checkInstructions(text string) error {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err == nil && len(program.Inst) > maxInstructions {
		err = fmt.Errorf("repetitions make it too large: %d instructions, at most %d", len(program.Inst), maxInstructions)
	}
	return err
}

// cutRegex returns what is between the slashes of /regex/ or /regex/i, in the
// latter case with the flag for it.
func cutRegex(text string) (string, bool) {
	flags := ""
	body, ok := strings.CutSuffix(text, "/i")
	if ok {
		flags = "(?i)"
	} else if body, ok = strings.CutSuffix(text, "/"); !ok {
		return "", false
	}
	if body, ok = strings.CutPrefix(body, "/"); !ok || body == "" {
		return "", false
	}
	return flags + body, true
}
