package rules

import (
	"strings"
	"testing"
)

func TestRulesThatMakeNoSense(t *testing.T) {
	tests := []struct{ rule, want string }{
		{"match: {method: 'G T'}, tag: a", `"G T" is no method`},
		{"match: {every: -1}, tag: a", "every and times count from 1"},
		{"match: {probability: 2}, tag: a", "no probability"},
		{"match: {body: {graphql: {}}}, tag: a", "graphql needs operation"},
		{"match: {host: []}, tag: a", "an empty list is never met"},
		{"match: {query: [a]}, tag: a", "want a mapping, got a list"},
		{"match: {body: {json: {a: .nan}}}, tag: a", "JSON has no number .nan"},
		{"match: {<<: 1}, tag: a", "<< wants a mapping"},
		{"match: {[a]: 1}, tag: a", "a key is a single value"},
		{"enabled: 1, tag: a", "want true or false"},
		{"mock: {json: 1, body: a}", "only one of json, body"},
		{"mock: {status: 204, body: a}", "status 204 has no content"},
		{`mock: {reason: "a\nb"}`, "one line"},
		{`mock: {sse: [{event: "a\nb"}]}`, "event and id are one line"},
		{"mock: {base64: '?'}", "not base64"},
		{"mock: {headers: {'a b': c}}", "cannot be the name of a header field"},
		{"mock: {sse: a}", "want a list"},
		{"mock: {grpc: {}, json: 1}", "only one of json, body, file, base64, sse, grpc"},
		{"mock: {status: 201, grpc: {}}", "status and reason are those of HTTP"},
		{"mock: {grpc: {status: gone}}", `"gone" is no status of gRPC; known are OK, CANCELLED, `},
		{"mock: {grpc: {status: NOTFOUND}}", `"NOTFOUND" is no status of gRPC; did you mean "NOT_FOUND"?`},
		{"mock: {grpc: {trailers: {Grpc-Status: '5'}}}", "grpc-status has a key of its own"},
		{"mock: {grpc: {messages: [{after: 1s}]}}", "one of json, base64 is needed"},
		{"mock: {grpc: {messages: [{json: {}, base64: AA==}]}}", "only one of json, base64"},
		{"mock: {template: true, grpc: {messages: [{json: {a: '{{'}}]}}", "unclosed action"},
		{"mock: {template: true, grpc: {message: '{{'}}", "unclosed action"},
		{"mock: {template: true, grpc: {trailers: {a: '{{'}}}", "unclosed action"},
		{"match: {any: []}, tag: a", "an empty list is never met"},
		{"match: {url: '/(.{99}){10}(.{99}){10}\\pL{999}.{999}.{999}.{999}.{999}.{999}.{999}.{999}.{999}/'}, tag: a", "repetitions make it too large"},
		{"modify: {request: {}}", "request has nothing to edit"},
		{"modify: {response: {}, request: {method: A}}", "response has nothing to edit"},
		{"block: {}", "one of status, close, reset is needed"},
		{"block: {close: true, reset: true}", "only one of status, close, reset"},
		{"modify: {}", "needs request, response or both"},
		{"modify: {request: {url: 'http://a', host: b}}", "write one or the other"},
		{"modify: {request: {path: a}}", "a path begins with /"},
		{"modify: {request: {path: '/a?b'}}", "nor a query"},
		{"modify: {request: {host: 'a b'}}", "invalid byte"},
		{"modify: {request: {body: {}}}", "one of text, file"},
		{"modify: {request: {body: {json: {}}}}", "json needs set, remove or merge"},
		{"modify: {response: {status: 1}}", "1 is no status code"},
		{"modify: {response: {body: {replace: [{with: a}]}}}", "replace needs regex"},
		{"map_local: {strip: a}", "map_local needs path"},
		{"map_local: {path: a, strip: a}", "a path begins with /"},
		{"map_remote: {}", "map_remote needs url"},
		{"delay: {}", "delay needs time or lognormal"},
		{"delay: {time: 1s, lognormal: {median: 1s}}", "lognormal has no time"},
		{"delay: {time: 1s, jitter: 2s}", "jitter is more than time"},
		{"delay: {time: -1s}", "no duration"},
		{"delay: {lognormal: {}}", "lognormal needs median"},
		{"delay: {lognormal: {median: 1s, sigma: 11}}", "sigma is from 0 to 10"},
		{"delay: {lognormal: {median: 1s, sigma: much}}", "want a number"},
		{"throttle: {}", "throttle needs profile"},
		{"throttle: {down: 1KiB}", "no rate"},
		{"fault: {}", "one of close, reset"},
		{"fault: {cut_after: much}", "no size"},
		{"fault: {cut_after_events: -1}", "events count from 1"},
		{"frames: [{}]", "one of drop, replace"},
		{"frames: [{on: open, drop: true}]", "on: open is for inject and close"},
		{"frames: [{every: 1s, drop: true}]", "every is for inject"},
		{"frames: [{match: {opcode: binary, text: a}, drop: true}]", "text and json are for text messages"},
		{"frames: [{match: {dir: up}, drop: true}]", "neither client-to-server nor server-to-client"},
		{"frames: [{inject: {text: a}}]", "inject needs dir"},
		{"frames: [{inject: {dir: client-to-server}}]", "one of text, base64"},
		{"frames: [{close: {code: 1006}}]", "1006 cannot be sent"},
		{"frames: [{close: {reason: '" + strings.Repeat("a", 124) + "'}}]", "at most 123 bytes"},
	}
	for _, test := range tests {
		_, err := Parse("rules.yaml", []byte("version: 1\nrules: [{name: x, "+test.rule+"}]\n"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", test.rule, err, test.want)
		}
	}
}

func TestBreakpointsThatMakeNoSense(t *testing.T) {
	tests := []struct{ breakpoint, want string }{
		{"on: request", "needs a name"},
		{"name: x", "needs on: request"},
		{"name: x, on: request, match: {when: ws}", "write when beside match"},
		{"name: x, on: request, resume: {}", "resume needs action"},
		{"name: x, on: request, resume: {action: abort, mock: {}}", "mock is for action: mock"},
		{"name: x, on: frame, resume: {action: mock, mock: {}}", "a frame cannot be mocked"},
		{"name: x, on: request, resume: {action: abort, request: {}}", "edits are for action: continue"},
		{"name: x, on: response, resume: {action: continue, request: {}}", "request is for on: request or both"},
		{"name: x, on: both, resume: {action: continue, payload: a}", "payload is for on: frame"},
		{"name: x, on: request, resume: {action: continue, request: {headers: a}}", "want a mapping"},
		{"name: x, on: request, resume: {action: continue, request: {headers: {'a b': null}}}", "header field"},
		{"name: x, on: request, resume: {action: continue, request: {method: 'A B', url: x}}", "no scheme"},
	}
	for _, test := range tests {
		_, err := Parse("rules.yaml", []byte("version: 1\nbreakpoints: [{"+test.breakpoint+"}]\n"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", test.breakpoint, err, test.want)
		}
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	tests := []struct{ settings, want string }{
		{"redact: [{}]", "one of header, query"},
		{"ignore: [{regex: a}]", "cannot be ignored"},
		{"ports: {start: 65535, count: 2}", "ports from 1 to 65535"},
		{"ports: {start: 1, count: 2, bind: [{port: 1, raw: 'a:1'}, {port: 1, raw: 'a:1'}]}", "port 1 is bound twice"},
		{"ports: {start: 1, count: 2, bind: [{port: 1}]}", "one of target, upstream, replay, raw"},
		{"ports: {start: 1, count: 2, bind: [{port: 1, target: a}]}", "no scheme"},
		{"ports: {start: 1, count: 2, bind: [{port: 1, upstream: a}]}", "no URL of a proxy"},
		{"ports: {start: 1, count: 2, bind: [{port: 1, raw: a}]}", "is not host:port"},
	}
	for _, test := range tests {
		_, err := Parse("rules.yaml", []byte("version: 1\n"+test.settings+"\n"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", test.settings, err, test.want)
		}
	}
}

// What users write is what they get back, as when a file is imported or a rule
// is compared with the one before.
func TestSpellingIsKept(t *testing.T) {
	for _, file := range exampleFiles(t) {
		set, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range set.Rules() {
			again := mustParse(t, "version: 1\nrules:\n- "+strings.ReplaceAll(string(spelling(*r)), "\n", "\n  "))
			if !same(r, again.Rules()[0]) {
				t.Errorf("%s: %s\nbecomes\n%s", file, spelling(*r), spelling(*again.Rules()[0]))
			}
		}
	}
}
