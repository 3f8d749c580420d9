package filter

import (
	"slices"
	"strings"
)

// parser reads
//
//	or   = and { ("or" | "||" | "|" | ",") and }
//	and  = not { ["and" | "&&" | "&"] not }
//	not  = ("not" | "!" | "-") not | "(" or ")" | term
//	term = keyword | field operator value { "," value } | value | "~" alias
type parser struct {
	lexer
	needsContent bool
}

func (p *parser) parse() (node, error) {
	if len(p.expr) > maxExpression {
		return nil, p.errorAt(maxExpression, "", "the expression has %d bytes, more than %d", len(p.expr), maxExpression)
	}
	p.skipSpace()
	if p.atEnd() {
		return keywordTerm("all"), nil
	}
	root, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		return nil, p.errorAt(p.pos, "", "the parenthesis was not opened")
	}
	return root, nil
}

func (p *parser) or(depth int) (node, *SyntaxError) {
	return p.joined(true, depth, p.and, func() bool { return p.accept("or", "||", "|", ",") })
}

func (p *parser) and(depth int) (node, *SyntaxError) {
	return p.joined(false, depth, p.not, func() bool {
		if p.accept("and", "&&", "&") {
			return true
		}
		at := p.pos
		ends := p.atEnd() || p.expr[at] == ')' || p.accept("or", "||", "|", ",")
		p.pos = at
		return !ends
	})
}

// joined reads a group of what kid reads for as long as more says so.
func (p *parser) joined(any bool, depth int, kid func(int) (node, *SyntaxError), more func() bool) (node, *SyntaxError) {
	var kids []node
	for {
		n, err := kid(depth)
		if err != nil {
			return nil, err
		}
		if g, ok := n.(*group); ok && g.any == any {
			kids = append(kids, g.kids...)
		} else {
			kids = append(kids, n)
		}
		if p.skipSpace(); !more() {
			break
		}
	}
	if len(kids) == 1 {
		return kids[0], nil
	}
	return &group{any: any, kids: kids}, nil
}

func (p *parser) not(depth int) (node, *SyntaxError) {
	p.skipSpace()
	at := p.pos
	if depth == maxDepth {
		return nil, p.errorAt(at, "", "the expression nests more than %d deep", maxDepth)
	}
	switch {
	case p.atEnd():
		return nil, p.errorAt(at, "", "the expression ends where a term is missing")
	case p.accept("not", "!", "-"):
		of, err := p.not(depth + 1)
		if err != nil {
			return nil, err
		}
		return &negation{of: of}, nil
	case p.accept("("):
		inner, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, p.errorAt(at, "", "the parenthesis is not closed")
		}
		return inner, nil
	}
	return p.term()
}

func (p *parser) term() (node, *SyntaxError) {
	at := p.pos
	if p.accept(")", ",", "&&", "&", "||", "|", "and", "or") {
		return nil, p.errorAt(at, "", "a term is missing before %q", p.expr[at:p.pos])
	}
	if p.accept("~") {
		return p.alias(at)
	}
	if op := p.operatorAt(at); op != "" && op != opHas {
		return nil, p.errorAt(at, "", "a field is missing before %q", op)
	}
	name := strings.ToLower(p.identifier())
	if t := keywordTerm(name); t != nil && p.accept(name) {
		return t, nil
	}
	f := fields[name]
	if op := p.operatorAfter(name, f != nil); op != "" && f == nil {
		return nil, p.unknownField(name)
	} else if op != "" {
		return p.fieldTerm(f, op)
	}
	return p.bare()
}

// operatorAfter returns the operator behind a name at pos, "" for none. Behind a
// field there may be space before one that compares. A name that no field has
// may also begin a URL.
func (p *parser) operatorAfter(name string, known bool) operator {
	if name == "" {
		return ""
	}
	end := p.pos + len(name)
	if !known && strings.HasPrefix(p.expr[end:], "://") {
		return ""
	}
	op := p.operatorAt(end)
	if op != "" || !known {
		return op
	}
	rest := strings.TrimLeft(p.expr[end:], " \t\r\n")
	if op = p.operatorAt(len(p.expr) - len(rest)); op == opHas || op == opMatches {
		return ""
	}
	return op
}

func (p *parser) unknownField(name string) *SyntaxError {
	hint := didYouMean(name, words)
	if hint == "" {
		hint = "to search URLs for it, put it in quotes"
	}
	return p.errorAt(p.pos, hint, "there is no field %q", name)
}

// bare reads a value without a field, which is looked for in URLs.
func (p *parser) bare() (node, *SyntaxError) {
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	t, err := buildURL(p, clause{field: "url", op: opHas, values: []value{v}})
	if err != nil {
		return nil, err
	}
	t.text = v.source
	return t, nil
}

// clause is a field with its operator and values.
type clause struct {
	field  string
	op     operator
	values []value
	// offset is where the operator is.
	offset int
}

// text returns the clause in the spelling that Parse reads.
func (c clause) text() string {
	sources := make([]string, len(c.values))
	for i, v := range c.values {
		sources[i] = v.source
	}
	return c.field + string(c.op) + strings.Join(sources, ",")
}

// fieldTerm reads what follows the name of f at pos.
func (p *parser) fieldTerm(f *field, op operator) (node, *SyntaxError) {
	p.pos += len(p.identifier())
	p.skipSpace()
	c := clause{field: f.name, op: op, offset: p.pos}
	p.pos += len(op)
	if f.part != nil {
		return f.part(p, f, c)
	}
	return p.finish(f, c)
}

// finish reads the values of a clause, whose operator has been read, and builds
// its term.
func (p *parser) finish(f *field, c clause) (node, *SyntaxError) {
	if !slices.Contains(f.ops, c.op) {
		return nil, p.errorAt(c.offset, "it takes "+listOf(f.ops), "%s does not take %q", c.field, c.op)
	}
	if err := p.readValues(&c, f.mode); err != nil {
		return nil, err
	}
	p.needsContent = p.needsContent || f.content
	t, err := f.build(p, c)
	if err != nil {
		return nil, err
	}
	t.text = c.text()
	return t, nil
}

func (p *parser) readValues(c *clause, mode valueMode) (err *SyntaxError) {
	switch c.op {
	case opMatches:
		mode = oneValue | escapes
	case opHas:
	case opEqual, opUnequal:
		mode |= noRegexp
		p.skipSpace()
	default:
		mode |= noRegexp | oneValue
		p.skipSpace()
	}
	c.values, err = p.values(mode)
	return err
}

// listOf returns operators as the words of a hint.
func listOf(ops []operator) string {
	text := make([]string, len(ops))
	for i, op := range ops {
		text[i] = string(op)
	}
	return strings.Join(text, " ")
}
