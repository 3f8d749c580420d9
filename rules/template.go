package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/google/uuid"

	"github.com/necto-dev/necto/traffic"
)

// templateData is what templates see of a request.
type templateData struct {
	// Method and URL are the request's, URL with scheme and host.
	Method, URL string
	// Query has the parameters, Path what the rule's path has captured.
	Query url.Values
	Path  map[string]string
	// Header has a method Get.
	Header traffic.Fields
	// Count is how often the rule has been applied, with this time.
	Count int

	body *holder
}

// JSON returns the content as a value, nil if it is no JSON.
func (d *templateData) JSON() any {
	content, err := d.body.content()
	if err != nil {
		return nil
	}
	var v any
	if json.Unmarshal(content, &v) != nil {
		return nil
	}
	return v
}

// templateFuncs are the functions of templates.
var templateFuncs = template.FuncMap{
	"now":  func() time.Time { return time.Now().UTC() },
	"uuid": uuid.NewString,
	"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	},
}

// isTemplate reports whether text has anything to fill in.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// parseTemplate reads a template.
func parseTemplate(text string) (*template.Template, error) {
	return template.New("").Option("missingkey=zero").Funcs(templateFuncs).Parse(text)
}

// fill returns text with what a request fills in.
func (d *templateData) fill(text string) (string, error) {
	if !isTemplate(text) {
		return text, nil
	}
	t, err := parseTemplate(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := t.Execute(limitedWriter{&out}, d); err != nil {
		return "", err
	}
	return out.String(), nil
}

// limitedWriter keeps a template from making more than maxContent.
type limitedWriter struct{ *bytes.Buffer }

func (w limitedWriter) Write(p []byte) (int, error) {
	if w.Len()+len(p) > maxContent {
		return 0, fmt.Errorf("template: %w", errTooLong)
	}
	return w.Buffer.Write(p)
}

// newTemplateData returns what templates see of a request, whose content h holds.
func newTemplateData(req *traffic.Request, h *holder, captures map[string]string, count int) *templateData {
	d := &templateData{
		Method: req.Method, URL: req.URL.String(), Path: captures, Header: req.Header, Count: count, body: h,
	}
	if query, ok := req.URL.Query(); ok {
		d.Query, _ = url.ParseQuery(query) // as far as it can be read
	}
	return d
}
