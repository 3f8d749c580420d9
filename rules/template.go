package rules

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/tidwall/gjson"

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
	Count uint64

	body   func() ([]byte, error) // the content that rules match
	json   func() any             // once it was asked for
	budget *templateBudget        // of the request
}

// JSON returns the content as a value, nil if it is no JSON. Numbers keep their
// digits.
func (d *templateData) JSON() any {
	if d.json == nil {
		d.json = sync.OnceValue(d.decode)
	}
	return d.json()
}

func (d *templateData) decode() any {
	content, err := d.body()
	if err != nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

// templateFuncs are the functions of templates beside those of text/template.
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

// parseTemplate reads a template. Its errors do not begin with a name, as it has
// none.
func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("template").Option("missingkey=zero").Funcs(templateFuncs).Parse(text)
	if err != nil {
		return nil, templateError(err)
	}
	return t, limitTemplate(t)
}

// templateCache keeps templates that were parsed, by their text.
type templateCache struct {
	*lru.Cache[string, *template.Template]
}

const (
	maxTemplates      = 256
	maxCachedTemplate = 64 << 10 // in bytes; longer ones take long to fill in as well
)

func newTemplateCache() templateCache {
	c, err := lru.New[string, *template.Template](maxTemplates)
	if err != nil {
		panic(err) // the size is a constant
	}
	return templateCache{c}
}

func (c templateCache) parse(text string) (*template.Template, error) {
	if t, ok := c.Get(text); ok {
		return t, nil
	}
	t, err := parseTemplate(text)
	if err == nil && len(text) <= maxCachedTemplate {
		c.Add(text, t)
	}
	return t, err
}

// filler fills in the templates of one rule for one request.
type filler struct {
	cache templateCache
	data  *templateData
}

// fill returns text with what the request fills in.
func (f *filler) fill(text string) (string, error) {
	if !isTemplate(text) {
		return text, nil
	}
	t, err := f.cache.parse(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := t.Execute(limitedWriter{&out, f.data.budget}, f.data); err != nil {
		return "", templateError(err)
	}
	return out.String(), nil
}

// fillIf fills in text that is a template, and returns other text as it is.
func (f *filler) fillIf(template bool, text string) (string, error) {
	if !template {
		return text, nil
	}
	return f.fill(text)
}

// fillJSON fills in the strings of a document, which stays one whatever they
// become.
func (f *filler) fillJSON(dst []byte, doc gjson.Result) (_ []byte, err error) {
	switch {
	case doc.Type == gjson.String && isTemplate(doc.Str):
		text, err := f.fill(doc.Str)
		return appendJSONString(dst, text), err
	case !doc.IsObject() && !doc.IsArray():
		return append(dst, doc.Raw...), nil
	}
	dst = append(dst, doc.Raw[0])
	first := true
	doc.ForEach(func(key, value gjson.Result) bool {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if doc.IsObject() {
			dst = append(append(dst, key.Raw...), ':')
		}
		dst, err = f.fillJSON(dst, value)
		return err == nil
	})
	return append(dst, doc.Raw[len(doc.Raw)-1]), err
}

// limitedWriter keeps a template from writing more than maxContent, and all of a
// request from writing more than they may.
type limitedWriter struct {
	out    *bytes.Buffer
	budget *templateBudget
}

func (w limitedWriter) Write(p []byte) (int, error) {
	if w.out.Len()+len(p) > maxContent {
		return 0, errTemplateOutput
	}
	if err := w.budget.charge(len(p)); err != nil {
		return 0, err
	}
	return w.out.Write(p)
}

// newTemplateData returns what templates see of the head of a request.
func newTemplateData(req *traffic.Request, captures map[string]string, count uint64) *templateData {
	d := &templateData{
		Method: req.Method, URL: req.URL.String(), Path: captures, Header: req.Header, Count: count,
	}
	query, _ := req.URL.Query()
	d.Query = parseQuery(query)
	return d
}
