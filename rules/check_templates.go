package rules

import (
	"github.com/tidwall/gjson"
)

// checkTemplates reports what of the mock cannot be read as a template.
func (m *Mock) checkTemplates(c *check) {
	for _, f := range m.Headers {
		c.template("headers", f.Value)
	}
	if m.Body != nil {
		c.template("body", *m.Body)
	}
	if len(m.JSON) > 0 {
		c.jsonTemplates("json", gjson.ParseBytes(m.JSON))
	}
	for _, e := range m.SSE {
		c.template("sse", e.Data)
	}
	if m.GRPC != nil {
		m.GRPC.checkTemplates(c)
	}
	if m.File != "" && c.d.root != nil {
		// That it cannot be read is told elsewhere.
		if text, err := (&files{c.d.root.Name()}).read(m.File); err == nil {
			c.template("file", string(text))
		}
	}
}

func (c *check) template(key, text string) {
	if !isTemplate(text) {
		return
	}
	if _, err := parseTemplate(text); err != nil {
		c.problem(key, "%v", err)
	}
}

// checkTemplates reports what of the answer to a call cannot be read as a template.
func (g *GRPCMock) checkTemplates(c *check) {
	c.template("grpc", g.Message)
	for _, f := range g.Trailers {
		c.template("grpc", f.Value)
	}
	for _, m := range g.Messages {
		if len(m.JSON) > 0 {
			c.jsonTemplates("grpc", gjson.ParseBytes(m.JSON))
		}
	}
}

// jsonTemplates checks the strings of a document.
func (c *check) jsonTemplates(key string, doc gjson.Result) {
	if doc.Type == gjson.String {
		c.template(key, doc.Str)
		return
	}
	if doc.IsObject() || doc.IsArray() {
		doc.ForEach(func(_, value gjson.Result) bool {
			c.jsonTemplates(key, value)
			return true
		})
	}
}
