package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
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

	body  func() ([]byte, error) // the content that rules match
	steps int
}

// JSON returns the content as a value, nil if it is no JSON. Numbers keep their
// digits.
func (d *templateData) JSON() any {
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

// templateFuncs are the functions of templates. Those that make text take the
// place of the ones of text/template, which have no bound: a template that
// doubles a text again and again would take all memory.
var templateFuncs = template.FuncMap{
	"now":  func() time.Time { return time.Now().UTC() },
	"uuid": uuid.NewString,
	"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		return bounded(string(text))
	},
	"print":    func(a ...any) (string, error) { return bounded(fmt.Sprint(a...)) },
	"println":  func(a ...any) (string, error) { return bounded(fmt.Sprintln(a...)) },
	"printf":   func(format string, a ...any) (string, error) { return bounded(fmt.Sprintf(format, a...)) },
	"html":     func(a ...any) (string, error) { return bounded(template.HTMLEscaper(a...)) },
	"js":       func(a ...any) (string, error) { return bounded(template.JSEscaper(a...)) },
	"urlquery": func(a ...any) (string, error) { return bounded(template.URLQueryEscaper(a...)) },
}

// errTemplateOutput says that a template makes more than maxContent.
var errTemplateOutput = errors.New("a template makes more than 8 MiB")

func bounded(text string) (string, error) {
	if len(text) > maxContent {
		return "", errTemplateOutput
	}
	return text, nil
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
	return t, limitLoops(t)
}

// templateError returns an error of a template that does not say so twice.
func templateError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
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
	if err := t.Execute(limitedWriter{&out}, f.data); err != nil {
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

// limitedWriter keeps a template from making more than maxContent.
type limitedWriter struct{ out *bytes.Buffer }

func (w limitedWriter) Write(p []byte) (int, error) {
	if w.out.Len()+len(p) > maxContent {
		return 0, errTemplateOutput
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
