package rules

func (m *Matcher) check(c *check) {
	for _, method := range m.Method {
		c.method(method)
	}
	if m.Every < 0 || m.Times < 0 {
		c.problem("", "every and times count from 1")
	}
	if m.Any != nil && len(m.Any) == 0 {
		c.problem("any", "an empty list is never met")
	}
	for _, inner := range m.Any {
		inner.checkInner(c, "any")
	}
	if m.Not != nil {
		m.Not.checkInner(c, "not")
	}
}

// checkInner reports what only the matcher of a whole rule can have, because it
// counts matches or is asked at another time.
func (m *Matcher) checkInner(c *check, key string) {
	if m.When != nil || m.Every != 0 || m.Times != 0 || m.Probability != nil {
		c.problem(key, "when, every, times and probability belong in the match of the rule, not in %s", key)
	}
}

func (g *GraphQLMatcher) check(c *check) {
	if len(g.Operation) == 0 {
		c.problem("", "graphql needs operation")
	}
}
