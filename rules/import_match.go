package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// foreignMatcher is NectoProxy's RuleMatcher.
type foreignMatcher struct {
	URL          string            `json:"url"`
	Method       oneOrSeveral      `json:"method"`
	Host         string            `json:"host"`
	Path         string            `json:"path"`
	Headers      map[string]string `json:"headers"`
	BodyContains string            `json:"bodyContains"`
}

// oneOrSeveral is a string or a list of them.
type oneOrSeveral []string

// UnmarshalJSON takes both.
func (o *oneOrSeveral) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrSeveral{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(o))
}

// translate returns the same matcher; nil matches all.
func (in *foreignMatcher) translate() (m Matcher, err error) {
	if in == nil {
		return m, nil
	}
	m.Method = List[string](in.Method)
	if m.URL, err = textPattern(in.URL); err != nil {
		return m, fmt.Errorf("url: %w", err)
	}
	if in.Host != "" {
		var host HostPattern
		if err := host.parse(foreignRegex(in.Host)); err != nil {
			return m, fmt.Errorf("host: %w", err)
		}
		m.Host = List[HostPattern]{host}
	}
	if err := in.path(&m); err != nil {
		return m, fmt.Errorf("path: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Headers)) {
		values, err := textPattern(in.Headers[name])
		if err != nil {
			return m, fmt.Errorf("header %s: %w", name, err)
		}
		m.Header = append(m.Header, Pair[Condition]{name, Condition{Values: values}})
	}
	if in.BodyContains != "" {
		m.Body = &BodyMatcher{Contains: List[string]{in.BodyContains}}
	}
	return m, nil
}

// textPattern translates a pattern over text, none for "".
func textPattern(pattern string) (List[Pattern], error) {
	if pattern == "" {
		return nil, nil
	}
	var p Pattern
	if err := p.parse(foreignRegex(pattern)); err != nil {
		return nil, err
	}
	return List[Pattern]{p}, nil
}

// path translates a pattern over path and query, in which * crosses slashes. A
// question mark, there any character, mostly stands for itself.
func (in *foreignMatcher) path(m *Matcher) error {
	pattern := in.Path
	if pattern == "" {
		return nil
	}
	if body, flags, ok := splitRegex(pattern); ok && strings.ContainsAny(body, `\^$[(+|`) {
		if !strings.HasPrefix(body, "^") && !strings.HasSuffix(body, "$") {
			body = "^.*(?:" + body + ")"
		}
		pattern = "/" + body + "/" + flags
	} else if !strings.Contains(pattern, "?") {
		pattern = strings.NewReplacer("*", "**", "{", `\{`, `\`, `\\`).Replace(pattern)
	} else {
		inURL := new(Matcher)
		if pattern[0] == '/' {
			pattern = "*" + pattern
		}
		urls, err := textPattern(pattern)
		inURL.URL = urls
		m.Any = []*Matcher{inURL}
		return err
	}
	var p PathPattern
	if err := p.parse(pattern); err != nil {
		return err
	}
	m.Path = List[PathPattern]{p}
	return nil
}

// foreignRegex returns a pattern with the flags that necto has.
func foreignRegex(pattern string) string {
	if body, flags, ok := splitRegex(pattern); ok {
		return "/" + body + "/" + flags
	}
	return strings.ReplaceAll(pattern, `\`, `\\`)
}

var jsRegex = regexp.MustCompile(`^/(.+)/([dgimsuvy]*)$`)

// splitRegex splits an expression in JavaScript's notation.
func splitRegex(pattern string) (body, flags string, ok bool) {
	found := jsRegex.FindStringSubmatch(pattern)
	if found == nil {
		return "", "", false
	}
	if strings.Contains(found[2], "i") {
		flags = "i"
	}
	return found[1], flags, true
}

// foreignBreakpoint is NectoProxy's Breakpoint.
type foreignBreakpoint struct {
	Name           string             `json:"name"`
	Enabled        *bool              `json:"enabled"`
	Type           string             `json:"type"`
	Match          *foreignMatcher    `json:"match"`
	MatchPattern   *foreignMatcher    `json:"matchPattern"`
	Conditions     []foreignCondition `json:"conditions"`
	ConditionLogic string             `json:"conditionLogic"`
}

// foreignCondition is NectoProxy's breakpoint condition.
type foreignCondition struct {
	Field      string `json:"field"`
	Operator   string `json:"operator"`
	Value      string `json:"value"`
	HeaderName string `json:"headerName"`
}

// when translates the conditions to a filter expression, nil for none.
func (in *foreignBreakpoint) when() (*When, error) {
	if len(in.Conditions) == 0 {
		return nil, nil
	}
	terms := make([]string, len(in.Conditions))
	for i := range in.Conditions {
		term, err := in.Conditions[i].term()
		if err != nil {
			return nil, err
		}
		terms[i] = term
	}
	logic := " and "
	if in.ConditionLogic == "or" {
		logic = " or "
	}
	w := new(When)
	return w, w.parse(strings.Join(terms, logic))
}

// filterFields are NectoProxy's fields in the filter language.
var filterFields = map[string]string{
	"status": "status", "url": "url", "method": "method", "host": "host",
	"requestBody": "bq", "responseBody": "bs", "duration": "dur", "header": "header",
}

func (c *foreignCondition) term() (string, error) {
	field, known := filterFields[c.Field]
	if !known {
		return "", fmt.Errorf("unknown field %q", c.Field)
	}
	if field == "header" {
		if !httpguts.ValidHeaderFieldName(c.HeaderName) {
			return "", fmt.Errorf("%.60q cannot be the name of a header field", c.HeaderName)
		}
		field += ":" + c.HeaderName
	}
	value := c.Value
	if field == "dur" {
		value += "ms"
	}
	switch c.Operator {
	case "equals":
		return field + "=" + quoted(value), nil
	case "contains":
		return field + "~" + quoted(regexp.QuoteMeta(value)), nil
	case "startsWith":
		return field + "~" + quoted("^"+regexp.QuoteMeta(value)), nil
	case "endsWith":
		return field + "~" + quoted(regexp.QuoteMeta(value)+"$"), nil
	case "matches":
		return field + "~" + quoted(value), nil
	case "greaterThan":
		return field + ">" + value, nil
	case "lessThan":
		return field + "<" + value, nil
	default:
		return "", fmt.Errorf("unknown operator %q", c.Operator)
	}
}

// quoted returns text as a string of the filter language.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
