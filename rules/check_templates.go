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
		c.jsonTemplates(gjson.ParseBytes(m.JSON))
	}
	for _, e := range m.SSE {
		c.template("sse", e.Data)
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

// jsonTemplates checks the strings of a document.
func (c *check) jsonTemplates(doc gjson.Result) {
	if doc.Type == gjson.String {
		c.template("json", doc.Str)
		return
	}
	if doc.IsObject() || doc.IsArray() {
		doc.ForEach(func(_, value gjson.Result) bool {
			c.jsonTemplates(value)
			return true
		})
	}
}
