package ports

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/traffic"
)

const everything = `
version: 1
ports: {start: 60000, count: 20, format: "127.0.0.2:%d"}
probe: {interval: 5s, retry: 500ms, timeout: 1s, failures: 3}
debug: true
bindings:
  - {port: 60000, target: "https://api.example.com/v1", tags: [api, v1]}
  - {port: 60001, upstream: "socks5://ann:secret@10.0.0.1", auth: "me:pa:ss"}
  - {port: 60002, replay: run.jsonl, record: false}
  - {port: 60003, raw: "db.internal:5432", tags: db}
  - port: 60004
    labels: {country: [US, CA], city: Boston}
    refresh: {max: 5, interval: 30s}
    rotation: 10m
  - {port: 60005, labels: {}, refresh: true}
candidates:
  - {id: us-1, upstream: "https://10.0.0.5/", labels: {country: US}}
`

func parseURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestLoad reads a file with all that it can have.
func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ports.yaml")
	if err := os.WriteFile(path, []byte(everything), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Range: Range{60000, 20, "127.0.0.2:%d"},
		Probe: Probe{Interval: 5 * time.Second, Retry: 500 * time.Millisecond, Timeout: time.Second, Failures: 3},
		Debug: true,
		Bindings: []Binding{
			{Port: 60000, Target: &traffic.URL{Scheme: "https", Authority: "api.example.com", Target: "/v1"}, Tags: []string{"api", "v1"}},
			{Port: 60001, Upstream: parseURL(t, "socks5://ann:secret@10.0.0.1:1080"), User: "me", Password: "pa:ss"},
			{Port: 60002, Replay: filepath.Join(filepath.Dir(path), "run.jsonl"), Unrecorded: true},
			{Port: 60003, Raw: "db.internal:5432", Tags: []string{"db"}},
			{
				Port: 60004, Labels: Labels{"country": {"US", "CA"}, "city": {"Boston"}},
				Refresh: Refresh{Enabled: true, Max: 5, Interval: 30 * time.Second}, Rotation: 10 * time.Minute,
			},
			{Port: 60005, Labels: Labels{}, Refresh: Refresh{Enabled: true}},
		},
		Candidates: []Candidate{{ID: "us-1", Upstream: parseURL(t, "https://10.0.0.5:443"), Labels: map[string]string{"country": "US"}}},
		Folder:     filepath.Dir(path),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(url.Userinfo{})); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
}

// TestDocumentedFile reads the example of the documentation.
func TestDocumentedFile(t *testing.T) {
	page, err := os.ReadFile("../../docs/ports.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	c, err := Parse("docs/ports.md", []byte(example))
	if err != nil || len(c.Bindings) != 5 || len(c.Candidates) != 2 {
		t.Errorf("%d bindings, %d candidates, %v", len(c.Bindings), len(c.Candidates), err)
	}
}

// TestProblems says where and what is wrong, all at once.
func TestProblems(t *testing.T) {
	const start = "version: 1\nports: {start: 60000, count: 3}\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":           {"", []string{"f:1:1: there is nothing in it"}},
		"no YAML":           {"ports: [", []string{"f:1:1: did not find expected node content"}},
		"a list":            {"[]", []string{"f:1:1: keys with values are needed here"}},
		"two documents":     {start + "---\n{}\n", []string{"f:3:1: there is a second document"}},
		"nothing is said":   {"{}", []string{"f:1:1: a ports file begins with `version: 1`", "f:1:1: there are no ports: `ports: {start: 60000, count: 20}`"}},
		"another version":   {"version: 2\nports: {start: 60000, count: 3}", []string{"f:1:1: a ports file begins with `version: 1`"}},
		"unknown keys":      {start + "prots: 1\nprobe: {every: 1s}", []string{`f:3:1: unknown key "prots"; there are bindings, candidates, debug, ports, probe, version`, `f:4:9: unknown key "every"; there are failures, interval, retry, timeout`}},
		"a key twice":       {start + "debug: true\ndebug: false", []string{`f:4:1: "debug" is there twice`}},
		"a list as a key":   {start + "? [a]\n: 1", []string{"f:3:3: a key is one word"}},
		"no pool":           {"version: 1\nports: {start: 65535, count: 3}", []string{"f:2:8: 3 ports from 65535 are more than there are"}},
		"no numbers":        {"version: one\nports: {start: -1, count: 1.5}", []string{`f:1:10: "one" is no number from 1`, `f:2:16: "-1" is no number from 1`, `f:2:27: "1.5" is no number from 1`, "f:1:1: a ports file begins with `version: 1`"}},
		"no times":          {start + "probe: {interval: 5, retry: 1ms, timeout: [1s]}", []string{`f:3:19: "5" is no time of at least 10ms, such as 30s`, `f:3:29: "1ms" is no time of at least 10ms, such as 30s`, "f:3:43: a value is needed here"}},
		"no flag":           {start + "debug: 1", []string{`f:3:8: "1" is neither true nor false`}},
		"null":              {start + "debug:", []string{"f:3:7: a value is needed here"}},
		"an alias":          {start + "bindings:\n- {port: &p 60000, raw: 'a:1'}\n- {port: *p, raw: 'a:1'}", []string{"f:5:10: a value is needed here"}},
		"no list":           {start + "bindings: {}", []string{"f:3:11: a list is needed here"}},
		"no way":            {start + "bindings: [{port: 60000}]", []string{"f:3:12: a binding has one of target, upstream, replay, raw and labels, this has 0"}},
		"two ways":          {start + "bindings: [{port: 60000, raw: 'a:1', target: 'http://a'}]", []string{"f:3:12: a binding has one of target, upstream, replay, raw and labels, this has 2"}},
		"no port":           {start + "bindings: [{raw: 'a:1'}]", []string{"f:3:12: a binding has a port"}},
		"a port twice":      {start + "bindings: [{port: 60000, raw: 'a:1'}, {port: 60000, raw: 'a:1'}]", []string{"f:3:39: there are two bindings of port 60000"}},
		"outside":           {start + "bindings: [{port: 60003, raw: 'a:1'}]", []string{"f:1:1: there is a binding of port 60003, which is none of 60000:3"}},
		"no origin":         {start + "bindings: [{port: 60000, target: 'ws://a'}, {port: 60001, target: 'http://a/?b'}]", []string{`f:3:34: the scheme of "ws://a" is neither http nor https`, `f:3:67: an origin has no query, "http://a/?b" has`}},
		"no proxy":          {start + "bindings: [{port: 60000, upstream: 'http://me:secret@a/b'}]", []string{"f:3:36: it is not the URL of a proxy, such as http://user:password@proxy.example.com:3128 or socks5h://127.0.0.1:1080"}},
		"no address":        {start + "bindings: [{port: 60000, raw: a}]", []string{`f:3:31: "a" is not host:port`}},
		"empty":             {start + "bindings: [{port: 60000, replay: ''}]", []string{"f:3:34: it is empty"}},
		"auth":              {start + "bindings: [{port: 60000, labels: {}, auth: me}]", []string{"f:3:44: it is not user:password"}},
		"auth of an origin": {start + "bindings: [{port: 60000, target: 'http://a', auth: 'a:b'}]", []string{"f:3:12: auth is for clients that know they use a proxy, not for target and raw"}},
		"refresh of what":   {start + "bindings: [{port: 60000, raw: 'a:1', refresh: true}]", []string{"f:3:12: refresh and rotation are for bindings with labels"}},
		"candidate":         {start + "candidates: [{id: a}, {id: 'a:b', upstream: 'http://a'}, 1]", []string{"f:3:14: a candidate has an id and an upstream", `f:3:23: the id "a:b" has a colon`, "f:3:58: keys with values are needed here"}},
		"two of one id":     {start + "candidates: [{id: a, upstream: 'http://a'}, {id: a, upstream: 'http://b'}]", []string{`f:3:45: there are two candidates "a"`}},
		"much is wrong":     {start + "tags: 1\n" + strings.Repeat("? [a]\n: 1\n", 30), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.text))
			wrong, is := errors.AsType[*ConfigError](err)
			if !is {
				t.Fatalf("got %v", err)
			}
			if c.want == nil {
				if len(wrong.Problems) != maxProblems {
					t.Errorf("%d problems", len(wrong.Problems))
				}
				return
			}
			if diff := cmp.Diff(c.want, wrong.Problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if wrong.Error() != strings.Join(c.want, "\n") {
				t.Errorf("error %q", wrong.Error())
			}
		})
	}
	if _, err := Parse("f", make([]byte, maxFile+1)); err == nil {
		t.Error("a file that is too long was read")
	}
}

// FuzzParse reads any file, and reads again the bindings that it found.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("version: 1\nports: {start: 1, count: 9}\nbindings: [{port: 1, labels: {a: [b]}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text)
		if err != nil {
			return
		}
		for _, b := range c.Bindings {
			text := encodeBinding(&b)
			again, err := parseBinding("f", text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			again.Port = b.Port
			if diff := cmp.Diff(string(text), string(encodeBinding(&again))); diff != "" {
				t.Errorf("a binding (-want +got):\n%s", diff)
			}
		}
	})
}

// FuzzState reads any state file, and what is written of it.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"ports":[{"port":60001,"candidate":"a","binding":{"labels":{"a":"b"},"refresh":{"max":1}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		saved, err := parseState("f", text)
		if err != nil {
			return
		}
		written := formatState(saved)
		again, err := parseState("f", written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if diff := cmp.Diff(string(written), string(formatState(again))); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
	})
}
