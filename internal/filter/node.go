package filter

// node is a part of an expression.
type node interface {
	// append appends its text.
	append(dst []byte) []byte
	compile() predicate
	// scan returns how to judge a line of a recording by its bytes, nil if that
	// cannot be done.
	scan() scan
}

// term is a keyword or a field with an operator and values.
type term struct {
	text  string
	match predicate
	may   scan // nil if the bytes of a line say nothing
}

func (t *term) append(dst []byte) []byte { return append(dst, t.text...) }
func (t *term) compile() predicate       { return t.match }
func (t *term) scan() scan               { return t.may }

// negation is not.
type negation struct{ of node }

func (n *negation) append(dst []byte) []byte {
	dst = append(dst, "not "...)
	return appendGrouped(dst, n.of, bindsNot)
}

func (n *negation) compile() predicate {
	match := n.of.compile()
	return func(s *Subject) bool { return !match(s) }
}

// group is two or more nodes joined by and, or by or.
type group struct {
	any  bool // or
	kids []node
}

func (g *group) append(dst []byte) []byte {
	word, strength := " and ", bindsAnd
	if g.any {
		word, strength = " or ", bindsOr
	}
	for i, kid := range g.kids {
		if i > 0 {
			dst = append(dst, word...)
		}
		dst = appendGrouped(dst, kid, strength)
	}
	return dst
}

func (g *group) compile() predicate {
	if len(g.kids) > 2 {
		return g.compileMany()
	}
	first, second := g.kids[0].compile(), g.kids[1].compile()
	if g.any {
		return func(s *Subject) bool { return first(s) || second(s) }
	}
	return func(s *Subject) bool { return first(s) && second(s) }
}

func (g *group) compileMany() predicate {
	kids := make([]predicate, len(g.kids))
	for i, kid := range g.kids {
		kids[i] = kid.compile()
	}
	decides := g.any // and is decided by what is false, or by what is true
	return func(s *Subject) bool {
		for _, kid := range kids {
			if kid(s) == decides {
				return decides
			}
		}
		return !decides
	}
}

// How tightly what is inside parentheses would hold without them.
const (
	bindsOr = iota
	bindsAnd
	bindsNot
)

// appendGrouped appends n, in parentheses if it would fall apart beside
// something that binds that tightly.
func appendGrouped(dst []byte, n node, strength int) []byte {
	g, ok := n.(*group)
	if !ok || (g.any && strength == bindsOr) || (!g.any && strength <= bindsAnd) {
		return n.append(dst)
	}
	dst = append(dst, '(')
	dst = n.append(dst)
	return append(dst, ')')
}
