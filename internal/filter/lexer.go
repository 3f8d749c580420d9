package filter

import (
	"strings"
)

// lexer reads an expression from left to right. What a character means depends
// on where it stands, so the parser asks for what it expects there.
type lexer struct {
	expr string
	pos  int
}

func (l *lexer) rest() string { return l.expr[l.pos:] }
func (l *lexer) atEnd() bool  { return l.pos == len(l.expr) }

func (l *lexer) skipSpace() {
	for !l.atEnd() && isSpace(l.expr[l.pos]) {
		l.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// endsTerm reports whether a word ends before the byte at i, wherever it stands.
func (l *lexer) endsTerm(i int) bool {
	return i == len(l.expr) || isSpace(l.expr[i]) || l.expr[i] == ')'
}

// accept reads one of some signs or words, the first that fits.
func (l *lexer) accept(tokens ...string) bool {
	for _, token := range tokens {
		if n := len(token); len(l.rest()) >= n && equalFold(l.rest()[:n], token) && l.isWhole(token) {
			l.pos += n
			return true
		}
	}
	return false
}

// isWhole reports whether a token that stands at pos is more than the beginning
// of another word.
func (l *lexer) isWhole(token string) bool {
	if !isLetter(token[0]) {
		return true
	}
	end := l.pos + len(token)
	return l.endsTerm(end) || strings.IndexByte("(,!&|\"'", l.expr[end]) >= 0
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// identifier returns the word at pos that a field or keyword could be, without
// reading it.
func (l *lexer) identifier() string {
	rest := l.rest()
	for i := range len(rest) {
		c := rest[i]
		if !isLetter(c) && (i == 0 || !isDigit(c) && c != '_' && c != '-') {
			return rest[:i]
		}
	}
	return rest
}

// operator compares a field and a value.
type operator string

// The operators of the language.
const (
	opHas     operator = ":"
	opEqual   operator = "="
	opUnequal operator = "!="
	opMatches operator = "~"
	opAbove   operator = ">"
	opAtLeast operator = ">="
	opBelow   operator = "<"
	opAtMost  operator = "<="
)

// operators has longer ones before those that they begin with.
var operators = [...]operator{opUnequal, opAtLeast, opAtMost, opHas, opEqual, opMatches, opAbove, opBelow}

// operatorAt returns the operator at an offset, "" for none.
func (l *lexer) operatorAt(offset int) operator {
	for _, op := range operators {
		if strings.HasPrefix(l.expr[offset:], string(op)) {
			return op
		}
	}
	return ""
}

// value is one value of a term.
type value struct {
	// text is the value with quotes and slashes removed, source as it was written.
	text, source string
	// offset is where it begins.
	offset int
	// quoted means that no character of text has a meaning of its own.
	quoted bool
	// regexp means that it was written /text/, fold that i followed it.
	regexp, fold bool
}

// How a value is read.
type valueMode uint8

const (
	// oneValue takes commas for a part of the value, as in a{1,3}.
	oneValue valueMode = 1 << iota
	// noRegexp takes slashes for a part of the value, as in a path.
	noRegexp
	// escapes takes what follows a backslash for a part of the value.
	escapes
)

// values reads values with commas, and no space, between them.
func (l *lexer) values(mode valueMode) ([]value, *SyntaxError) {
	var all []value
	for {
		v, err := l.value(mode)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		if mode&oneValue != 0 || l.atEnd() || l.expr[l.pos] != ',' || l.endsTerm(l.pos+1) {
			return all, nil
		}
		l.pos++
	}
}

func (l *lexer) value(mode valueMode) (value, *SyntaxError) {
	start := l.pos
	v := value{offset: start}
	if l.atEnd() {
		return v, l.errorAt(start, "", "the value is missing")
	}
	var err *SyntaxError
	switch c := l.expr[start]; {
	case c == '"' || c == '\'':
		v.quoted = true
		v.text, err = l.quoted(c)
	case c == '/' && mode&noRegexp == 0 && l.regexpLiteral(&v):
	default:
		err = l.word(mode)
		v.text = l.expr[start:l.pos]
	}
	v.source = l.expr[start:l.pos]
	if err == nil && v.source == "" {
		err = l.errorAt(start, "", "the value is missing")
	}
	return v, err
}

// quoted reads a string in quotes. A backslash makes a quote or another
// backslash stand for itself, and itself before anything else, so that regular
// expressions read as they would without quotes.
func (l *lexer) quoted(quote byte) (string, *SyntaxError) {
	var text strings.Builder
	for i := l.pos + 1; i < len(l.expr); i++ {
		c := l.expr[i]
		if c == quote {
			l.pos = i + 1
			return text.String(), nil
		}
		if c == '\\' && i+1 < len(l.expr) && (l.expr[i+1] == quote || l.expr[i+1] == '\\') {
			i++
			c = l.expr[i]
		}
		text.WriteByte(c)
	}
	return "", l.errorAt(l.pos, "", "the quote %c has no end", quote)
}

// regexpLiteral reads /text/ or /text/i. It has no white space in it, and behind
// it the term ends: /api/users is a path.
func (l *lexer) regexpLiteral(v *value) bool {
	for i := l.pos + 1; i < len(l.expr) && !isSpace(l.expr[i]); i++ {
		switch l.expr[i] {
		case '\\':
			i++
		case '/':
			end := i + 1
			fold := end < len(l.expr) && l.expr[end]|0x20 == 'i'
			if fold {
				end++
			}
			if i == l.pos+1 || !l.endsTerm(end) && l.expr[end] != ',' {
				return false
			}
			v.text, v.regexp, v.fold = l.expr[l.pos+1:i], true, fold
			l.pos = end
			return true
		}
	}
	return false
}

// word reads up to white space, a closing parenthesis that was not opened in it,
// && or ||, and a comma that separates values or terms.
func (l *lexer) word(mode valueMode) *SyntaxError {
	depth, opened := 0, 0
	for ; !l.atEnd() && !isSpace(l.expr[l.pos]); l.pos++ {
		switch c := l.expr[l.pos]; {
		case c == '\\' && mode&escapes != 0 && l.pos+1 < len(l.expr) && !isSpace(l.expr[l.pos+1]):
			l.pos++
		case c == '(':
			if depth == 0 {
				opened = l.pos
			}
			depth++
		case c == ')' && depth == 0, c == ',' && (mode&oneValue == 0 || l.endsTerm(l.pos+1)):
			return l.balanced(depth, opened)
		case c == ')':
			depth--
		case mode&oneValue == 0 && (strings.HasPrefix(l.rest(), "&&") || strings.HasPrefix(l.rest(), "||")):
			return l.balanced(depth, opened)
		}
	}
	return l.balanced(depth, opened)
}

func (l *lexer) balanced(depth, opened int) *SyntaxError {
	if depth == 0 {
		return nil
	}
	return l.errorAt(opened, "a value with spaces or single parentheses goes in quotes", "the parenthesis is not closed")
}
