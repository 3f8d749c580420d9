package filter

import (
	"maps"
	"slices"
)

// field is something a clause can ask for.
type field struct {
	// name is the full name, words what users may write for it, name included.
	name  string
	words []string
	ops   []operator
	mode  valueMode
	// content says that the field is content, or in it.
	content bool
	// part reads what follows a field that has parts, as header:name=value; nil
	// for one that has none.
	part func(*parser, *field, clause) (node, *SyntaxError)
	// build makes the term of a clause, but for its text.
	build func(*parser, clause) (*term, *SyntaxError)
}

// The operators of texts, of numbers, and of what is one of a few words.
var (
	textOps   = []operator{opHas, opEqual, opUnequal, opMatches}
	numberOps = []operator{opHas, opEqual, opUnequal, opAbove, opAtLeast, opBelow, opAtMost}
	choiceOps = []operator{opHas, opEqual, opUnequal}
)

// fields has each field under each of its words.
var fields = func() map[string]*field {
	all := map[string]*field{}
	for _, f := range slices.Concat(exchangeFields(), contentFields(), socketFields(), callFields()) {
		for _, word := range f.words {
			all[word] = f
		}
	}
	return all
}()

// words are those of fields in order, for hints.
var words = slices.Sorted(maps.Keys(fields))

func named(names ...string) field { return field{name: names[0], words: names} }

func (f field) texts(build func(*parser, clause) (*term, *SyntaxError)) *field {
	f.ops, f.build = textOps, build
	return &f
}

func (f field) numbers(what string, read unit, lines numberLines, of func(*Subject) (int64, bool)) *field {
	f.ops, f.build = numberOps, func(p *parser, c clause) (*term, *SyntaxError) {
		n, err := p.numbers(c, read, what)
		if err != nil {
			return nil, err
		}
		return &term{may: lines(n), match: func(s *Subject) bool {
			v, ok := of(s)
			return ok && n.match(v)
		}}, nil
	}
	return &f
}

// numberLines returns how to judge lines of a recording for numbers that a clause
// asks for.
type numberLines func(*numbers) scan

// onlyOn is numberLines of what can only be true of those lines.
func onlyOn(lines lineKind) numberLines {
	return func(*numbers) scan { return only(lines) }
}

func (f field) choices(build func(*parser, clause) (*term, *SyntaxError)) *field {
	f.ops, f.build = choiceOps, build
	return &f
}

func (f field) parts(part func(*parser, *field, clause) (node, *SyntaxError)) *field {
	f.part = part
	return &f
}

// withContent marks a field as content.
func (f *field) withContent() *field {
	f.content = true
	return f
}

// simple builds terms of a field of exchanges that is text.
func simple(g globs, of func(*Subject, *text) verdict) func(*parser, clause) (*term, *SyntaxError) {
	return func(p *parser, c clause) (*term, *SyntaxError) {
		t, err := p.texts(c, g, nil)
		if err != nil {
			return nil, err
		}
		return &term{
			match: func(s *Subject) bool { return t.decide(of(s, t)) },
			may:   textScan(t, httpLines, wsLines, false),
		}, nil
	}
}
