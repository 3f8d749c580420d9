package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const examples = "../testdata/rules"

func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, error %v", files, err)
	}
	return files
}

// mustParse loads rules that are in order.
func mustParse(t testing.TB, text string) *Set {
	t.Helper()
	set, err := Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExamplesAreInOrder(t *testing.T) {
	for _, file := range exampleFiles(t) {
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
	}
}

func TestProblemsHaveTheirPlace(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"unknown key": {
			"version: 1\nrules:\n  - name: x\n    match: {headerz: {A: b}}\n    block: {close: true}\n",
			`rules.yaml:4:13: rule "x": unknown key "headerz"; did you mean "header"?`,
		},
		"unknown action": {
			"version: 1\nrules:\n  - name: x\n    brake: {close: true}\n",
			`rules.yaml:4:5: rule "x": unknown key "brake"`,
		},
		"two actions": {
			"version: 1\nrules:\n  - name: x\n    block: {close: true}\n    tag: a\n",
			`rules.yaml:5:10: rule "x": a rule has one action, this one has block and tag`,
		},
		"no action": {"version: 1\nrules:\n  - name: x\n", `rules.yaml:3:5: rule "x": a rule needs an action`},
		"no name":   {"version: 1\nrules:\n  - tag: a\n", `rules.yaml:3:5: a rule needs a name`},
		"a name twice": {
			"version: 1\nrules:\n  - {name: x, tag: a}\n  - {name: x, tag: b}\n",
			`rules.yaml:4:5: rule "x": the name is taken, at rules.yaml:3:5`,
		},
		"a key twice": {
			"version: 1\nrules:\n  - name: x\n    tag: a\n    tag: b\n",
			`rules.yaml:5:5: rule "x": "tag" is here twice, first on line 4`,
		},
		"a regular expression": {
			"version: 1\nrules:\n  - name: x\n    match: {url: '/(/'}\n    tag: a\n",
			"rules.yaml:4:18: rule \"x\": regular expression: missing closing )",
		},
		"a filter": {
			"version: 1\nrules:\n  - name: x\n    match: {when: 'statuz:500'}\n    tag: a\n",
			`rules.yaml:4:19: rule "x": filter "statuz:500": column 1:`,
		},
		"a duration": {
			"version: 1\nrules:\n  - {name: x, mock: {delay: 50}}\n",
			`rules.yaml:3:29: rule "x": "50" is no duration: write a number with a unit`,
		},
		"a word": {
			"version: 1\nrules:\n  - {name: x, delay: {time: 1s, where: respons}}\n",
			`rules.yaml:3:40: rule "x": "respons" is none of request, response; did you mean "response"?`,
		},
		"a profile": {
			"version: 1\nrules:\n  - {name: x, throttle: {profile: regular-3}}\n",
			`rule "x": "regular-3" is no profile; did you mean "regular-3g"?`,
		},
		"a path without a slash": {
			"version: 1\nrules:\n  - {name: x, match: {path: api}, tag: a}\n", `"api" is no path: a path begins with /`,
		},
		"a path that leaves": {
			"version: 1\nrules:\n  - {name: x, map_local: {path: ../secrets}}\n",
			`rules.yaml:3:33: rule "x": "../secrets" is outside the folder of the rules file`,
		},
		"a header with a line end": {
			"version: 1\nrules:\n  - {name: x, mock: {headers: {A: \"b\\r\\nC: d\"}}}\n", "line ends",
		},
		"a status":            {"version: 1\nrules:\n  - {name: x, mock: {status: 99}}\n", "99 is no status code"},
		"a URL":               {"version: 1\nrules:\n  - {name: x, map_remote: {url: nowhere}}\n", "no scheme"},
		"a text for a number": {"version: 1\nrules:\n  - {name: x, mock: {status: ok}}\n", `want a whole number, got "ok"`},
		"a list for a value":  {"version: 1\nrules:\n  - {name: [x], tag: a}\n", "got a list where a single value belongs"},
		"no value":            {"version: 1\nrules:\n  - {name: x, block: }\n", "got nothing"},
		"mock without an answer": {
			"version: 1\nbreakpoints:\n  - {name: x, on: request, resume: {action: mock}}\n", "action: mock needs mock",
		},
		"a resume for another phase": {
			"version: 1\nbreakpoints:\n  - {name: x, on: request, resume: {action: continue, response: {status: 200}}}\n",
			`breakpoint "x": response is for on: response or both`,
		},
		"counting inside any": {"version: 1\nrules:\n  - {name: x, match: {any: [{times: 3}]}, tag: a}\n", "belong in the match of the rule"},
		"no version":          {"rules: []\n", "write `version: 1` first"},
		"another version":     {"version: 2\n", "reads version 1, not 2"},
		"nothing":             {"", "the file is empty"},
		"no mapping":          {"- a\n", "want a mapping with version, rules"},
		"no YAML":             {"version: 1\nrules: [\n", "rules.yaml:"},
		"two documents":       {"version: 1\n---\nversion: 1\n", "rules.yaml:2:1: there is a second document"},
		"frames with two triggers": {
			"version: 1\nrules:\n  - {name: x, frames: [{on: open, every: 1s, inject: {dir: client-to-server, text: a}}]}\n",
			"only one of match, on, every",
		},
		"a port outside the pool": {
			"version: 1\nports: {start: 60000, count: 2, bind: [{port: 60002, raw: 'a:1'}]}\n", "port 60002 is not in the pool",
		},
		"a redaction of two": {"version: 1\nredact: [{header: A, query: b}]\n", "only one of header, query"},
		"a passthrough":      {"version: 1\npassthrough: ['a*b']\n", "neither a host"},
		"a capture":          {"version: 1\nrules:\n  - {name: x, match: {path: '/{a b}'}, tag: a}\n", "write a capture as {name}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("rules.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
			if _, ok := errors.AsType[*LoadError](err); !ok {
				t.Errorf("error is a %T", err)
			}
		})
	}
}

func TestAllProblemsAreToldUpToALimit(t *testing.T) {
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for i := range maxProblems + 5 {
		fmt.Fprintf(&text, "  - {name: r%d, tagg: a, tag: b}\n", i)
	}
	_, err := Parse("rules.yaml", []byte(text.String()))
	problems, ok := errors.AsType[*LoadError](err)
	if !ok || len(problems.Problems) != maxProblems || problems.More != 5 || !strings.HasSuffix(err.Error(), "and 5 more") {
		t.Errorf("error %v", err)
	}
}

func TestAliasesAndMergesAreUnderstood(t *testing.T) {
	set := mustParse(t, `version: 1
rules:
  - name: a
    match: &api {host: api.example.test, scheme: https}
    tag: &tags [x, y]
  - name: b
    match: {<<: *api, scheme: http}
    tag: *tags
`)
	b := set.Rules()[1]
	if b.Match.Host[0].String() != "api.example.test" || b.Match.Scheme[0] != "http" || !cmp.Equal(b.Tag, List[string]{"x", "y"}) {
		t.Errorf("got %+v", b)
	}
}

func TestBombsAreRefused(t *testing.T) {
	laughs := "version: 1\nrules:\n  - name: x\n    mock:\n      json:\n        a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += fmt.Sprintf("        %c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c,
			c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	tests := map[string]struct{ text, want string }{
		"aliases":            {laughs, "aliases expand to too much"},
		"an alias to itself": {"version: 1\nrules:\n  - {name: x, mock: {json: &a [*a]}}\n", ""},
		"merges":             {"version: 1\nrules:\n  - {name: x, mock: {json: &a {<<: *a}}}\n", ""},
		"text":               {"version: 1\nrules:\n  - {name: x, mock: {json: [&a " + strings.Repeat("x", 500_000) + strings.Repeat(", *a", 20) + "]}}\n", "aliases expand to too much"},
		"depth":              {"version: 1\nrules:\n  - {name: x, mock: {json: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}}\n", "nested too deep"},
		"size":               {"version: 1\n#" + strings.Repeat("x", maxFileSize), "at most 1048576 bytes"},
	}
	for name, test := range tests {
		if _, err := Parse("rules.yaml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %.200v", name, err)
		}
	}
}

func TestFilesAndFoldersInOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.yml", "version: 1\nrules: [{name: b, tag: b}]\n")
	write(t, dir, "a.yaml", "version: 1\nrules: [{name: a, tag: a}]\n")
	write(t, dir, ".#a.yaml", "no rules")
	write(t, dir, "notes.txt", "no rules")
	first := write(t, t.TempDir(), "first.yaml", "version: 1\nrules: [{name: z, tag: z}]\npassthrough: [bank.example]\n")
	set, err := Load(first, dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range set.Rules() {
		names = append(names, r.Name)
	}
	if !cmp.Equal(names, []string{"z", "a", "b"}) || len(set.Passthrough()) != 1 {
		t.Errorf("got rules %v, passthrough %v", names, set.Passthrough())
	}
}

func TestDuplicatesNameBothFiles(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a.yaml", "version: 1\nrules: [{name: x, tag: a}]\nports: {start: 1, count: 1}\n")
	b := write(t, dir, "b.yaml", "version: 1\nrules: [{name: x, tag: a}]\nports: {start: 1, count: 1}\n")
	_, err := Load(dir)
	want := b + `:2:9: rule "x": the name is taken, at ` + a + ":2:9\n" +
		b + ":3:8: ports are here twice, first at " + a + ":3:8"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestFilesThatRulesNameAreLookedFor(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "rules.yaml", "version: 1\nrules: [{name: x, mock: {file: gone.json}}]\n")
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), `rules.yaml:2:32: rule "x": gone.json: `) {
		t.Errorf("error %v", err)
	}
	gone := filepath.Join(dir, "gone.json")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), `rules.yaml:2:32: rule "x": gone.json is no file`) {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "gone.json", "{}")
	if _, err := Load(file); err != nil {
		t.Error(err)
	}
}

// TestProblemsComeInOrder of their lines, also those that are about a whole.
func TestProblemsComeInOrder(t *testing.T) {
	_, err := Parse("rules.yaml", []byte("rules:\n  - {name: x}\n  - {name: x, tagg: a}\nignore: [{json: a}, {regex: b}]\n"))
	problems, ok := errors.AsType[*LoadError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, p := range problems.Problems {
		got = append(got, fmt.Sprintf("%d:%d", p.At.Line, p.At.Column))
	}
	if diff := cmp.Diff([]string{"1:1", "2:5", "3:5", "3:15", "4:21"}, got); diff != "" {
		t.Error(diff, err)
	}
}

func TestALinkDoesNotLeadOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "site")); err != nil {
		t.Skip(err)
	}
	file := write(t, dir, "rules.yaml", "version: 1\nrules: [{name: x, map_local: {path: site}}]\n")
	if _, err := Load(file); err == nil {
		t.Error("a link out of the folder was taken")
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "gone.yaml"), t.TempDir()} {
		if _, err := Load(path); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		began := time.Now()
		set, err := Parse("rules.yaml", text)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(text), took)
		}
		if err != nil {
			return
		}
		for _, r := range set.Rules() {
			spelling(*r)
		}
	})
}
