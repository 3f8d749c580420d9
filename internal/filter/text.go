package filter

import (
	"regexp"
	"strings"
)

// text decides whether a string is one of those that a clause asks for.
type text struct {
	all []pattern
	// negated is that of !=.
	negated bool
}

// pattern is one value of a clause: exactly one of its ways is set.
type pattern struct {
	re *regexp.Regexp
	// equal compares with folded.low, contains looks for it.
	equal, contains bool
	// media compares as equalMediaType does; it goes with equal.
	media  bool
	folded folded
	// run is the longest part of an ASCII pattern that a line of a recording
	// spells as it is, "" if there is none.
	run string
}

func (p *pattern) match(s string) bool {
	switch {
	case p.re != nil:
		return p.re.MatchString(s)
	case p.media:
		return equalMediaType(s, p.folded.low)
	case p.equal:
		return equalFold(s, p.folded.low)
	default:
		return p.folded.in(s)
	}
}

// any reports whether one of the patterns fits, whatever the operator.
func (t *text) any(s string) bool {
	for i := range t.all {
		if t.all[i].match(s) {
			return true
		}
	}
	return false
}

// verdict is what a field says to a clause.
type verdict uint8

const (
	absent verdict = iota // the subject lacks the field
	differs
	fits
)

// of returns what one string says.
func (t *text) of(s string) verdict {
	if t.any(s) {
		return fits
	}
	return differs
}

// or returns what two strings of one field say together.
func (v verdict) or(other verdict) verdict { return max(v, other) }

// decide returns whether the clause is true.
func (t *text) decide(v verdict) bool {
	if t.negated {
		return v == differs
	}
	return v == fits
}

// globs says what * and ? in a value mean.
type globs uint8

const (
	noGlobs   globs = iota
	globInner       // * stands for any text, within a text that may go on around it
	globWhole       // * for any text, ? for any character, of the whole text
)

// texts compiles the values of a clause. has is what a value behind ":" means
// that has no special characters, contains for nil.
func (p *parser) texts(c clause, g globs, has func(value) pattern) (*text, *SyntaxError) {
	t := &text{negated: c.op == opUnequal}
	for _, v := range c.values {
		pat, err := p.pattern(c.op, v, g, has)
		if err != nil {
			return nil, err
		}
		t.all = append(t.all, pat)
	}
	return t, nil
}

func (p *parser) pattern(op operator, v value, g globs, has func(value) pattern) (pattern, *SyntaxError) {
	special := "*"
	if g == globWhole {
		special = "*?"
	}
	switch {
	case op == opMatches || v.regexp:
		return p.regexp(v)
	case op == opEqual || op == opUnequal:
		return equals(v.text), nil
	case g != noGlobs && !v.quoted && strings.ContainsAny(v.text, special):
		return glob(v.text, g), nil
	case has != nil:
		return has(v), nil
	}
	return contains(v.text), nil
}

// regexp compiles a regular expression. Between slashes case counts, as it does
// everywhere else where they are written so.
func (p *parser) regexp(v value) (pattern, *SyntaxError) {
	if len(v.text) > maxRegexp {
		return pattern{}, p.errorAt(v.offset, "", "the regular expression has %d bytes, more than %d", len(v.text), maxRegexp)
	}
	source := v.text
	if !v.regexp || v.fold {
		source = "(?i)" + source
	}
	re, err := regexp.Compile(source)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return pattern{}, p.errorAt(v.offset, "the syntax is that of RE2", "the regular expression is wrong: %s", reason)
	}
	return pattern{re: re}, nil
}

func equals(s string) pattern {
	if !isASCII(s) {
		return pattern{re: regexp.MustCompile(`(?i)\A` + quote(s) + `\z`)}
	}
	return pattern{equal: true, folded: newFolded(s), run: longestRun(s)}
}

func contains(s string) pattern {
	if !isASCII(s) {
		return pattern{re: regexp.MustCompile("(?i)" + quote(s))}
	}
	return pattern{contains: true, folded: newFolded(s), run: longestRun(s)}
}

// quote is regexp.QuoteMeta of what may not be UTF-8: a byte that is not stands
// for U+FFFD, which is also what matching reads in its place.
func quote(s string) string { return regexp.QuoteMeta(strings.ToValidUTF8(s, "\uFFFD")) }

// glob compiles a value with wild cards. It is a regular expression: those take
// time in proportion to the text, whatever the number of stars.
func glob(s string, g globs) pattern {
	source := quote(s)
	source = strings.ReplaceAll(source, `\*`, ".*")
	if g == globWhole {
		source = `\A` + strings.ReplaceAll(source, `\?`, ".") + `\z`
	}
	pat := pattern{re: regexp.MustCompile("(?is)" + source)}
	if isASCII(s) {
		// The fold of a regular expression takes U+017F for an s and U+212A for
		// a k, so only runs without them can be looked for in a line.
		pat.run = longestRunWithout(s, "*?sSkK")
	}
	return pat
}

// longestRun returns the longest part of s that a line of a recording spells as
// it is: JSON escapes the others, and a slash may be added to a URL.
func longestRun(s string) string { return longestRunWithout(s, "") }

func longestRunWithout(s, cut string) string {
	longest := ""
	runs := strings.FieldsFuncSeq(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f || r == '"' || r == '\\' || r == '/' || strings.ContainsRune(cut, r)
	})
	for run := range runs {
		if len(run) > len(longest) {
			longest = run
		}
	}
	return longest
}
