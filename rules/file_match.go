package rules

import "github.com/necto-dev/necto/internal/filter"

// Matcher says which requests are meant. All that is set must hold; the zero
// value means every request.
type Matcher struct {
	// Method is the request method, in any case; one or several.
	Method List[string] `yaml:"method,omitempty"`
	// Scheme is http, https, ws or wss; one or several.
	Scheme List[Scheme] `yaml:"scheme,omitempty"`
	// URL is a glob over the whole URL, in which * is anything.
	URL List[Pattern] `yaml:"url,omitempty"`
	// Host is a glob over the host name; .example.com is the name and all below it.
	Host List[HostPattern] `yaml:"host,omitempty"`
	// Path is a glob over the path: * stays in a segment, ** crosses, {name} captures a segment.
	Path List[PathPattern] `yaml:"path,omitempty"`
	// Query has a condition for each parameter named.
	Query Map[Condition] `yaml:"query,omitempty"`
	// Header has a condition for each field named.
	Header Map[Condition] `yaml:"header,omitempty"`
	// Cookie has a condition for each cookie named.
	Cookie Map[Condition] `yaml:"cookie,omitempty"`
	// Body has conditions for the content, content coding undone.
	Body *BodyMatcher `yaml:"body,omitempty"`
	// Any holds if one of its matchers does.
	Any []*Matcher `yaml:"any,omitempty"`
	// Not holds if its matcher does not.
	Not *Matcher `yaml:"not,omitempty"`

	// When is a filter expression, asked when the rule is about to act.
	When *When `yaml:"when,omitempty"`
	// Every lets only each n-th match count.
	Every int `yaml:"every,omitempty" jsonschema:"minimum=1"`
	// Probability is the share of matches that count, from 0 to 1; which ones is the same in every run.
	Probability *Probability `yaml:"probability,omitempty"`
	// Times lets only the first n matches count.
	Times int `yaml:"times,omitempty" jsonschema:"minimum=1"`
}

// BodyMatcher says which content is meant. All that is set must hold.
type BodyMatcher struct {
	// Contains is text in the content, in this case; one or several.
	Contains List[string] `yaml:"contains,omitempty"`
	// Regex is an expression that the content has a match of; one or several.
	Regex List[Regex] `yaml:"regex,omitempty"`
	// Form has a condition for each field named of an urlencoded form.
	Form Map[Condition] `yaml:"form,omitempty"`
	// JSON has a value for each gjson path.
	JSON Map[JSONCondition] `yaml:"json,omitempty"`
	// GraphQL is for GraphQL requests.
	GraphQL *GraphQLMatcher `yaml:"graphql,omitempty"`
}

// GraphQLMatcher says which GraphQL requests are meant.
type GraphQLMatcher struct {
	// Operation is a glob over the name of the operation; one or several.
	Operation List[Pattern] `yaml:"operation" jsonschema:"required"`
}

// When is a filter expression; see package filter.
type When struct {
	*filter.Filter
	text string
}

// String returns the expression as written.
func (w *When) String() string { return w.text }
