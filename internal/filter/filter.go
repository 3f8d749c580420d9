package filter

// The limits of an expression, in bytes and levels.
const (
	maxExpression = 8 << 10
	maxRegexp     = 1 << 10
	maxDepth      = 200
)

// Filter is a parsed expression. It is made by Parse and never changes, so many
// goroutines may use it.
type Filter struct {
	root         node
	match        predicate
	prefilter    *Prefilter
	needsContent bool
}

// predicate decides about a subject.
type predicate func(*Subject) bool

// Parse reads an expression. An empty one matches everything. The error is a
// *SyntaxError.
func Parse(expr string) (*Filter, error) {
	p := parser{lexer: lexer{expr: expr}}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Filter{
		root:         root,
		match:        root.compile(),
		prefilter:    newPrefilter(root),
		needsContent: p.needsContent,
	}, nil
}

// Match reports whether s is what the expression asks for.
func (f *Filter) Match(s *Subject) bool { return f.match(s) }

// String returns the expression in one spelling: full names of fields, "and"
// written out, no needless parentheses. Parse reads it as the same filter, if it
// has not grown beyond 8 KiB.
func (f *Filter) String() string { return string(f.root.append(nil)) }

// NeedsContent reports whether the expression asks for content: of requests and
// responses, which the caller then offers as Subject.Content, and of frames,
// whose Payload then has to be there.
func (f *Filter) NeedsContent() bool { return f.needsContent }

// Prefilter returns what can be told from the bytes of a recording's line, nil if
// that is nothing.
func (f *Filter) Prefilter() *Prefilter { return f.prefilter }
