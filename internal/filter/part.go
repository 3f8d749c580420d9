package filter

import (
	"strconv"
	"strings"
)

// test compares the value of a header field or JSON member with what a clause
// asks for.
type test struct {
	op   operator // "" asks only whether there is a value
	text *text    // of an operator for texts, else nil
	// number is what the operators for numbers compare with.
	number float64
}

func (p *parser) test(c clause, mediaTypes bool) (t test, err *SyntaxError) {
	t.op = c.op
	switch c.op {
	case "":
	case opHas, opEqual, opUnequal, opMatches:
		if mediaTypes {
			t.text, err = p.mediaTypes(c)
		} else {
			t.text, err = p.texts(c, noGlobs, nil)
		}
	default:
		v := c.values[0]
		n, failure := strconv.ParseFloat(v.text, 64)
		if failure != nil {
			return t, p.errorAt(v.offset, "", "%q is not a number", v.text)
		}
		t.number = n
	}
	return t, err
}

func (t *test) of(s string) verdict {
	switch {
	case t.op == "":
		return fits
	case t.text != nil:
		return t.text.of(s)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return differs
	}
	if t.above(n) {
		return fits
	}
	return differs
}

// above compares by one of the operators for numbers.
func (t *test) above(n float64) bool {
	switch t.op {
	case opAbove:
		return n > t.number
	case opAtLeast:
		return n >= t.number
	case opBelow:
		return n < t.number
	default:
		return n <= t.number
	}
}

func (t *test) decide(v verdict) bool {
	if t.text != nil {
		return t.text.decide(v)
	}
	return v == fits
}

// partClause reads the name of a part of a field, and the operator and values
// behind it if there are any. A nested name has brackets and quotes.
func (p *parser) partClause(f *field, c clause, nested bool) (name string, whole clause, err *SyntaxError) {
	if c.op == opEqual {
		p.skipSpace()
	}
	start := p.pos
	if !p.atEnd() && (p.expr[start] == '"' || p.expr[start] == '\'') {
		name, err = p.quoted(p.expr[start])
	} else {
		p.skipPart(nested)
		name = p.expr[start:p.pos]
	}
	if err == nil && name == "" {
		err = p.errorAt(start, "", "the name of what %s to look at is missing", f.name)
	}
	if err != nil {
		return name, c, err
	}
	whole = clause{field: f.name + ":" + p.expr[start:p.pos], offset: p.pos}
	if whole.op = p.operatorAt(p.pos); whole.op != "" {
		p.pos += len(whole.op)
		err = p.readValues(&whole, f.mode)
	} else if !p.endsTerm(p.pos) && p.expr[p.pos] == ',' && !p.endsTerm(p.pos+1) {
		err = p.errorAt(p.pos, "join two terms by or", "%s takes one name", f.name)
	}
	return name, whole, err
}

// skipPart reads up to what ends the name of a part: an operator, a comma or the
// end of the term. Those in brackets and quotes are a part of a nested name.
func (p *parser) skipPart(nested bool) {
	depth, inQuotes := 0, false
	for ; !p.atEnd(); p.pos++ {
		c := p.expr[p.pos]
		switch {
		case nested && c == '\\' && p.pos+1 < len(p.expr) && !isSpace(p.expr[p.pos+1]):
			p.pos++
		case nested && c == '"' && depth > 0:
			inQuotes = !inQuotes
		case inQuotes:
		case nested && strings.IndexByte("([{", c) >= 0:
			depth++
		case depth > 0 && strings.IndexByte(")]}", c) >= 0:
			depth--
		case depth > 0 && !isSpace(c):
		case p.endsTerm(p.pos) || c == ',' || c == '(' || p.operatorAt(p.pos) != "":
			return
		}
	}
}
