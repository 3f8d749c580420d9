package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

func TestTemplatesThatLoop(t *testing.T) {
	for text, want := range map[string]error{
		`{{range 3}}{{.}}{{end}}`:                                     nil,
		`{{range 3000000000}}{{end}}`:                                 errTemplateSteps,
		`{{with 1}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}`: errTemplateSteps,
		`{{if true}}{{else}}{{range 2}}{{else}}x{{end}}{{end}}`:       nil,
	} {
		f := &filler{cache: newTemplateCache(), data: &templateData{Header: traffic.Fields{}, body: func() ([]byte, error) { return nil, nil }}}
		_, err := f.fill(text)
		if want == nil && err != nil || want != nil && (err == nil || !strings.Contains(err.Error(), want.Error())) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{`{{define "a"}}{{end}}`, `{{template "template" .}}`, `{{block "a" .}}{{end}}`} {
		if _, err := parseTemplate(text); !errors.Is(err, errTemplateNested) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
