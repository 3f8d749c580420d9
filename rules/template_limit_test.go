package rules

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// newTestFiller returns one for a request with that content.
func newTestFiller(content string) *filler {
	return &filler{cache: newTemplateCache(), data: &templateData{
		Path: map[string]string{"Step": "x"}, Header: traffic.Fields{},
		body: func() ([]byte, error) { return []byte(content), nil }, budget: new(templateBudget),
	}}
}

func TestTemplatesThatLoop(t *testing.T) {
	for text, want := range map[string]error{
		`{{range 3}}{{.}}{{end}}`:                                     nil,
		`{{range 3000000000}}{{end}}`:                                 errTemplateSteps,
		`{{with 1}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}`: errTemplateSteps,
		`{{if true}}{{else}}{{range 2}}{{else}}x{{end}}{{end}}`:       nil,
		`{{$ = .Path}}{{range 3000000000}}{{end}}`:                    errTemplateRoot,
		`{{with $ := .Path}}{{range 2}}{{end}}{{end}}`:                errTemplateRoot,
		`{{print ($ := .Path)}}`:                                      errTemplateRoot,
	} {
		_, err := newTestFiller("").fill(text)
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

// TestTemplatesThatMakeMuch also in what they do not write.
func TestTemplatesThatMakeMuch(t *testing.T) {
	const long = `{{$x := .JSON}}` // 1 MiB
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"a function":         {long + `{{range 1000}}{{$y := js $x}}{{end}}`, errTemplateTotal},
		"without a loop":     {long + strings.Repeat(`{{$y := js $x}}`, 70), errTemplateTotal},
		"in a condition":     {long + `{{range 1000}}{{if html $x}}{{end}}{{end}}`, errTemplateTotal},
		"in parentheses":     {long + `{{range 1000}}{{if eq 1 (len (js $x))}}{{end}}{{end}}`, errTemplateTotal},
		"with a field":       {long + `{{range 1000}}{{$y := (now.AddDate 0 0 (len (js $x))).Year}}{{end}}`, errTemplateTotal},
		"in a pipeline":      {long + `{{range 1000}}{{$y := $x | js | len}}{{end}}`, errTemplateTotal},
		"a method":           {long + `{{range 1000}}{{$y := now.Format $x}}{{end}}`, errTemplateTotal},
		"a method piped to":  {long + `{{range 1000}}{{$y := $x | now.Format}}{{end}}`, errTemplateTotal},
		"an else":            {long + `{{range 0}}{{else}}{{range 1000}}{{$y := js $x}}{{end}}{{end}}`, errTemplateTotal},
		"at once":            {long + `{{$y := print $x $x $x $x $x $x $x $x $x}}`, errTemplateOutput},
		"a text that grows":  {long + `{{range 40}}{{$x = print $x $x}}{{end}}`, errTemplateOutput},
		"what is written":    {long + `{{range 1000}}{{$x}}{{end}}`, errTemplateOutput},
		"not too much":       {long + `{{range 60}}{{$y := js $x}}{{end}}`, nil},
		"the content itself": {`{{range 1000}}{{$y := $.JSON}}{{end}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTestFiller(`"` + strings.Repeat("x", 1<<20) + `"`)
			if _, err := f.fill(tt.text); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestTemplatesOfOneRequestShareABudget so that many of them are no way around it.
func TestTemplatesOfOneRequestShareABudget(t *testing.T) {
	f := newTestFiller(`"` + strings.Repeat("x", 7<<20) + `"`)
	for range maxMade / (7 << 20) {
		if _, err := f.fill(`{{.JSON}}`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.fill(`{{.JSON}}`); !errors.Is(err, errTemplateTotal) {
		t.Errorf("%v, want %v", err, errTemplateTotal)
	}
}

// TestCallsInTemplatesKeepTheirValue although they are counted.
func TestCallsInTemplatesKeepTheirValue(t *testing.T) {
	for text, want := range map[string]string{
		`{{index .JSON.a 1}} {{(index .JSON.a 1).b}}`:        "map[b:2] 2",
		`{{index .JSON "none"}}`:                             "<no value>",
		`{{with index .JSON "none"}}x{{else}}y{{end}}`:       "y",
		`{{range $i, $v := slice .JSON.a 1}}{{$i}}{{end}}`:   "0",
		`{{and 0 .JSON.a}} {{or "" "x" | printf "%s-%s" 1}}`: "0 %!s(int=1)-x",
		`{{if and (eq 1 1) (not false)}}x{{end}}`:            "x",
		`{{(now.AddDate 0 0 0).IsZero}}`:                     "false",
		`{{"a" | html | js | len}}`:                          "1",
	} {
		got, err := newTestFiller(`{"a": [1, {"b": 2}]}`).fill(text)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestTemplatesStopOnceTheClientHasLeft, and nobody is told that the rule was skipped.
func TestTemplatesStopOnceTheClientHasLeft(t *testing.T) {
	r := newRoad(t, `- {name: a, mock: {template: true, body: '{{range 3}}x{{end}}'}}`+"\n", map[string]string{})
	r.answering(200, "of the origin")
	ctx, leave := context.WithCancel(t.Context())
	leave()
	resp, err := r.ask(ctx, request(t, "GET", "http://api.test/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(resp); got != "of the origin" || len(r.applied()) > 0 {
		t.Errorf("%q by %v", got, r.applied())
	}
	if log := r.log.String(); log != "" {
		t.Errorf("told: %s", log)
	}
}

// FuzzTemplates makes sure that any template can be limited, and comes to an end.
func FuzzTemplates(f *testing.F) {
	for _, text := range []string{
		`{{range $i, $v := .JSON.a}}{{if eq $i 1}}{{break}}{{else}}{{$v | printf "%v-%v" $i}}{{end}}{{end}}`,
		`{{with $x := index .JSON "a"}}{{(now.AddDate 0 0 (len $x)).Year}}{{else with .Path}}{{.Step}}{{end}}`,
		`{{$x := "1"}}{{range 9}}{{$x = now.Format $x}}{{end}}`, `{{/* x */ -}} {{define "a"}}{{end}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filler := newTestFiller(`{"a": [1, {"b": 2}]}`)
		if made, err := filler.fill(text); err == nil && isTemplate(text) && len(made) > maxContent {
			t.Errorf("%d bytes", len(made))
		}
		if filler.data.budget.steps > maxSteps+1 {
			t.Errorf("%d steps", filler.data.budget.steps)
		}
	})
}
