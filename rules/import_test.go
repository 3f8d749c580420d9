package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImport(t *testing.T) {
	tests := map[string]struct {
		in, want string
		notes    []string
	}{
		"the code's spelling": {
			`{"rules":[{"id":"1","name":"users","priority":2,"match":{"method":["GET"],"path":"/api/users/*"},
			  "action":"mock","config":{"status":200,"statusText":"Fine","headers":{"X-A":"b","Set-Cookie":["a=1","b=2"]},"body":"{}","delay":50}},
			  {"id":"2","name":"first","enabled":false,"priority":1,"match":{"host":"*.ads.test"},"action":"block","config":null}]}`,
			`version: 1
rules:
  - name: first
    enabled: false
    match:
      host: '*.ads.test'
    block:
      status: 403
  - name: users
    match:
      method: GET
      path: /api/users/**
    mock:
      status: 200
      reason: Fine
      headers:
        Set-Cookie:
          - a=1
          - b=2
        X-A: b
      body: '{}'
      delay: 50ms
`, nil,
		},
		"the pages' spelling": {
			`[{"name":"a","matchPattern":{"url":"/\\/v\\d+\\//i"},"action":"modifyRequest",
			  "config":{"setHeaders":{"A":"b"},"removeHeaders":["C"],"setQueryParams":{"q":"1"},"removeQueryParams":["d"],"replaceBody":"x"}},
			 {"name":"a","matchPattern":{"path":"/v1/"},"action":"modifyResponse","config":{"setStatus":201,"transformBody":"return 1"}},
			 {"name":"b","action":"mapRemote","config":{"targetUrl":"http://127.0.0.1:3000","preservePath":false}},
			 {"name":"c","action":"mapLocal","config":{"localPath":"site"}},
			 {"name":"d","action":"delay","config":{"delay":100,"variance":200}},
			 {"name":"e","action":"throttle","config":{"bytesPerSecond":1024,"latency":5}}]`,
			`version: 1
rules:
  - name: a
    match:
      url: /\/v\d+\//i
    modify:
      request:
        query:
          set:
            q: "1"
          remove: d
        headers:
          set:
            A: b
          remove: C
        body:
          text: x
  - name: a (2)
    match:
      path: /v1/
    modify:
      response:
        status: 201
  - name: b
    map_remote:
      url: http://127.0.0.1:3000
      keep_path: false
  - name: c
    map_local:
      path: site
  - name: d
    delay:
      time: 100ms
      jitter: 100ms
  - name: e
    throttle:
      down: 1024B/s
      up: 1024B/s
      latency: 5ms
`,
			[]string{`rule "a (2)": transformBody left out: rules run no scripts; see modify body replace and json`},
		},
		"what has no equivalent": {
			`[{"name":"a","action":"rewrite"},
			  {"name":"b","action":"mock"},
			  {"name":"c","action":"mock","match":{"url":"/(?=x)y/"},"config":{}},
			  {"name":"d","action":"map-local","config":{"localPath":"/etc"}}]`,
			"version: 1\n",
			[]string{
				`rule "a": left out: unknown action "rewrite"`,
				`rule "b": left out: no config`,
				`rule "c": left out: url: regular expression: invalid or unsupported Perl syntax: ` + "`(?=`",
				`rule "d": left out: "/etc" is outside the folder of the rules file: copy it there`,
			},
		},
		"one rule with all matchers": {
			`{"name":"a","match":{"url":"*/a?b*","host":"a.test","path":"/search?q=*","headers":{"B":"x*","A":"/y/"},"bodyContains":"z"},"action":"block"}`,
			`version: 1
rules:
  - name: a
    match:
      url: '*/a?b*'
      host: a.test
      header:
        A: /y/
        B: x*
      body:
        contains: z
      any:
        - url: '*/search?q=*'
    block:
      status: 403
`, nil,
		},
		"breakpoints": {
			`{"breakpoints":[{"name":"a","type":"response","match":{"path":"/^\\/a/"},"conditionLogic":"or","conditions":[
			  {"field":"status","operator":"greaterThan","value":"499"},{"field":"header","headerName":"X-A","operator":"startsWith","value":"b.\"c"},
			  {"field":"duration","operator":"lessThan","value":"10"}]},
			  {"type":"both","conditions":[{"field":"color","operator":"equals","value":"red"}]}]}`,
			`version: 1
breakpoints:
  - name: a
    match:
      path: /^\/a/
    "on": response
    when: status>499 or header:X-A~"^b\\.\"c" or dur<10ms
`,
			[]string{`breakpoint "breakpoint": left out: unknown field "color"`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, notes, err := Import([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.notes, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportOfWhatIsNone(t *testing.T) {
	for _, in := range []string{"", "{", "{}", "[1]", `"a"`, `{"rules":1}`} {
		if _, _, err := Import([]byte(in)); err == nil || !strings.HasPrefix(err.Error(), "import rules: ") {
			t.Errorf("%s: error %v", in, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add(`[{"name":"a","match":{"url":"*a?","path":"/b*?c","host":"/x/i","headers":{"A":"b"}},"action":"mock","config":{"status":200,"body":"x"}}]`)
	f.Add(`{"breakpoints":[{"type":"both","conditions":[{"field":"url","operator":"matches","value":"\""}]}]}`)
	f.Add(`{"action":"delay","config":{"delay":1e300,"variance":-1}}`)
	f.Add(`{"action":"modify-request","config":{"setHeaders":{"A\n":"b"},"setQueryParams":{"":[""]}}}`)
	f.Fuzz(func(t *testing.T, in string) {
		file, _, err := Import([]byte(in))
		if err != nil {
			return
		}
		if _, err := Parse("imported", file); err != nil {
			t.Error(err)
		}
	})
}
