package rules

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/traffic"
)

// headHolds reports whether all that can be told from the head holds. What costs
// least and says most is asked first.
func (m *Matcher) headHolds(s *Subject) bool {
	h := s.look()
	return (m.Method == nil || slices.ContainsFunc(m.Method, func(method string) bool {
		return strings.EqualFold(method, s.Request.Method)
	})) &&
		(m.Scheme == nil || slices.Contains(m.Scheme, Scheme(h.scheme))) &&
		m.hostHolds(h) && m.pathHolds(h) && m.urlHolds(h) &&
		headersHold(m.Header, s.Request.Header) &&
		(m.Query == nil || conditionsHold(m.Query, s.queryValues)) &&
		(m.Cookie == nil || conditionsHold(m.Cookie, s.cookieValues))
}

// headersHold is conditionsHold for header fields, which are not gathered first.
func headersHold(conditions Map[Condition], fields traffic.Fields) bool {
	for i := range conditions {
		if !headerHolds(&conditions[i], fields) {
			return false
		}
	}
	return true
}

func headerHolds(c *Pair[Condition], fields traffic.Fields) bool {
	if c.Value.Present != nil {
		return *c.Value.Present == fields.Has(c.Name)
	}
	for i := range fields {
		if fields[i].Is(c.Name) && c.Value.matches(fields[i].Value) {
			return true
		}
	}
	return false
}

func (m *Matcher) hostHolds(h *head) bool {
	for i := range m.Host {
		if m.Host[i].matchHost(h.host, h.port) {
			return true
		}
	}
	return m.Host == nil
}

func (m *Matcher) pathHolds(h *head) bool {
	for i := range m.Path {
		if m.Path[i].matchPath(h.path, h.foldedPath) {
			return true
		}
	}
	return m.Path == nil
}

func (m *Matcher) urlHolds(h *head) bool {
	for i := range m.URL {
		if m.URL[i].matcher.matchText(h.url, h.foldedURL) {
			return true
		}
	}
	return m.URL == nil
}

// conditionsHold reports whether each condition holds for the values of its name.
func conditionsHold(conditions Map[Condition], values func(name string) []string) bool {
	for i := range conditions {
		if !conditions[i].Value.Holds(values(conditions[i].Name)) {
			return false
		}
	}
	return true
}

// holds reports whether the matcher holds, but for when and what counts matches.
// Content is asked for only if all else holds.
func (m *Matcher) holds(s *Subject) (bool, error) {
	if !m.headHolds(s) {
		return false, nil
	}
	if m.Body != nil {
		if ok, err := m.Body.holds(s); !ok {
			return false, err
		}
	}
	if m.Not != nil {
		if is, err := m.Not.holds(s); is || err != nil {
			return false, err
		}
	}
	if m.Any == nil {
		return true, nil
	}
	var failed error
	for _, inner := range m.Any {
		ok, err := inner.holds(s)
		if ok {
			return true, nil
		}
		if err != nil {
			failed = err
		}
	}
	return false, failed
}

// captures returns what {name} stands for in the path patterns that match.
func (m *Matcher) captures(s *Subject) map[string]string {
	found := make(map[string]string)
	m.capture(s, found)
	return found
}

func (m *Matcher) capture(s *Subject, into map[string]string) {
	h := s.look()
	for i := range m.Path {
		if m.Path[i].matchPath(h.path, h.foldedPath) {
			m.Path[i].captures(h.path, into)
			break
		}
	}
	for _, inner := range m.Any {
		if inner.headHolds(s) {
			inner.capture(s, into)
			break
		}
	}
}

// holds reports whether the conditions hold for the content of the request.
func (b *BodyMatcher) holds(s *Subject) (bool, error) {
	content, err := s.content(traffic.ClientToServer)
	if err != nil {
		return false, err
	}
	switch {
	case b.Contains != nil && !slices.ContainsFunc(b.Contains, func(text string) bool {
		return bytes.Contains(content, []byte(text))
	}):
		return false, nil
	case b.Regex != nil && !slices.ContainsFunc(b.Regex, func(re Regex) bool { return re.Match(content) }):
		return false, nil
	case b.Form != nil && !b.formHolds(s, content):
		return false, nil
	case !holdAll(b.JSON, content):
		return false, nil
	default:
		return b.GraphQL == nil || b.GraphQL.holds(s, content), nil
	}
}

// formHolds reports whether the content is an urlencoded form for which the
// conditions hold.
func (b *BodyMatcher) formHolds(s *Subject, content []byte) bool {
	kind, _, _ := strings.Cut(s.Request.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return false
	}
	form := parseQuery(string(content))
	return conditionsHold(b.Form, func(name string) []string { return form[name] })
}

var graphQLName = regexp.MustCompile(`(?:^|[\s}])(?:query|mutation|subscription)\s+([A-Za-z_]\w*)`)

// holds reports whether one of the operations of a GraphQL request, in a body (a
// single one or a batch) or a query, has a name that is meant. Clients may leave
// operationName out where the document has one operation.
func (g *GraphQLMatcher) holds(s *Subject, content []byte) bool {
	if len(content) == 0 {
		names, documents := s.queryValues("operationName"), s.queryValues("query")
		return g.named(first(names), first(documents))
	}
	if !jsondoc.Valid(content) {
		return false
	}
	requests := gjson.ParseBytes(content)
	if !requests.IsArray() {
		return g.namedIn(requests)
	}
	return slices.ContainsFunc(requests.Array(), g.namedIn)
}

func (g *GraphQLMatcher) namedIn(request gjson.Result) bool {
	return g.named(request.Get("operationName").String(), request.Get("query").String())
}

func (g *GraphQLMatcher) named(name, document string) bool {
	if name == "" {
		if found := graphQLName.FindStringSubmatch(document); found != nil {
			name = found[1]
		}
	}
	return name != "" && slices.ContainsFunc(g.Operation, func(p Pattern) bool { return p.Match(name) })
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// ask reports whether the filter expression holds; nil holds always.
func (w *When) ask(s *Subject) (holds bool, err error) {
	if w == nil {
		return true, nil
	}
	holds = w.Match(s.filtered(func(e error) { err = e }))
	if err != nil {
		return false, err
	}
	return holds, nil
}

// Holds reports whether a message of a connection is meant.
func (m *FrameMatcher) Holds(f *traffic.Frame) bool {
	if m == nil {
		return true
	}
	switch {
	case m.Dir != nil && traffic.Direction(*m.Dir) != f.Dir:
		return false
	case m.Opcode != "" && m.Opcode.Opcode() != f.Opcode:
		return false
	case m.Text != nil || m.JSON != nil:
		return f.Opcode == traffic.OpText && m.textHolds(f.Payload) && holdAll(m.JSON, f.Payload)
	default:
		return true
	}
}

func (m *FrameMatcher) textHolds(payload []byte) bool {
	if m.Text == nil {
		return true
	}
	text := string(payload)
	return slices.ContainsFunc(m.Text, func(p Pattern) bool { return p.Match(text) })
}
