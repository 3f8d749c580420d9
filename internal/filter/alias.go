package filter

import (
	"maps"
	"slices"
)

// alias is how mitmproxy writes a term: a keyword, or a field with an operator
// whose value stands behind a space.
type alias struct {
	keyword string
	field   string
	op      operator
}

var aliases = map[string]alias{
	"all":       {keyword: "all"},
	"e":         {keyword: "error"},
	"http":      {keyword: "http"},
	"q":         {keyword: "req"},
	"s":         {keyword: "res"},
	"replay":    {keyword: "replayed"},
	"tcp":       {keyword: "tcp"},
	"websocket": {keyword: "ws"},
	"b":         {field: "body", op: opMatches},
	"bq":        {field: "bq", op: opMatches},
	"bs":        {field: "bs", op: opMatches},
	"c":         {field: "status", op: opEqual},
	"comment":   {field: "comment", op: opMatches},
	"d":         {field: "host", op: opMatches},
	"h":         {field: "header", op: opMatches},
	"hq":        {field: "hq", op: opMatches},
	"hs":        {field: "hs", op: opMatches},
	"m":         {field: "method", op: opMatches},
	"t":         {field: "type", op: opMatches},
	"u":         {field: "url", op: opMatches},
}

// alias reads what follows the tilde at an offset.
func (p *parser) alias(at int) (node, *SyntaxError) {
	name := p.identifier()
	a, ok := aliases[name]
	if !ok {
		hint := didYouMean(name, slices.Sorted(maps.Keys(aliases)))
		return nil, p.errorAt(at, hint, "there is no operator %q", "~"+name)
	}
	p.pos += len(name)
	if !p.endsTerm(p.pos) {
		return nil, p.errorAt(p.pos, "a space goes between operator and value", "the operator %q goes on with %q", "~"+name, p.expr[p.pos:p.pos+1])
	}
	if a.keyword != "" {
		return keywordTerm(a.keyword), nil
	}
	p.skipSpace()
	f := fields[a.field]
	c := clause{field: f.name, op: a.op, offset: p.pos}
	if f.part != nil {
		return f.part(p, f, c)
	}
	return p.finish(f, c)
}
