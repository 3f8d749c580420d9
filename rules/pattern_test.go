package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything/at all", true},
		{"abc", "ABC", true},
		{"abc", "abcd", false},
		{"*/api/users*", "https://example.test/api/users?page=1", true},
		{"*/api/users*", "https://example.test/api/user", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"a**c", "abc", true},
		{"*a", "aaa", true},
		{"a?c", "abc", false}, // a question mark begins a query
		{"a?c", "a?c", true},
		{`a\*c`, "a*c", true},
		{`a\*c`, "abc", false},
		{"/v[0-9]+/", "x/v12/y", true},
		{"/v[0-9]+/", "x/V12/y", false},
		{"/v[0-9]+/i", "x/V12/y", true},
		{"/^a$/", "ab", false},
		{"/", "/", true},
		{"//", "//", true},
		{"é*", "É", false}, // only ASCII letters have no case
	}
	for _, test := range tests {
		var p Pattern
		if err := p.parse(test.pattern); err != nil {
			t.Errorf("%q: %v", test.pattern, err)
		} else if got := p.Match(test.text); got != test.want {
			t.Errorf("%q, text %q: got %v", test.pattern, test.text, got)
		}
	}
}

func TestHostPattern(t *testing.T) {
	tests := []struct {
		pattern, host, port string
		want                bool
	}{
		{"example.test", "example.test", "443", true},
		{"Example.Test", "example.test", "443", true},
		{"example.test", "a.example.test", "443", false},
		{"*.example.test", "a.b.example.test", "443", true},
		{"*.example.test", "example.test", "443", false},
		{"*.example.test", "evilexample.test", "443", false}, // NectoProxy takes it
		{".example.test", "example.test", "443", true},
		{".example.test", "a.example.test", "443", true},
		{".example.test", "evilexample.test", "443", false},
		{"api-*.example.test", "api-1.example.test", "443", true},
		{"localhost:3000", "localhost", "3000", true},
		{"localhost:3000", "localhost", "3001", false},
		{"[::1]:3000", "::1", "3000", true},
		{"::1", "::1", "80", true},
		{"*", "anything", "80", true},
		{"/^(a|b)\\./", "b.example.test", "80", true},
		{"/^(a|b)\\./", "c.example.test", "80", false},
	}
	for _, test := range tests {
		var p HostPattern
		if err := p.parse(test.pattern); err != nil {
			t.Errorf("%q: %v", test.pattern, err)
		} else if got := p.matchHost(test.host, test.port); got != test.want {
			t.Errorf("%q, host %q, port %s: got %v", test.pattern, test.host, test.port, got)
		}
	}
}

func TestPathPattern(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/v1/", "/v1/", true}, // NectoProxy takes it for the expression v1
		{"/v1/", "/api/v1/x", false},
		{"/api/i", "/api/i", true}, // and this one for a flag
		{"/api/i", "/API", false},
		{"/users", "/Users", true},
		{"/users", "/users/1", false},
		{"/users/*", "/users/1", true},
		{"/users/*", "/users/", true},
		{"/users/*", "/users/1/posts", false},
		{"/users/*/posts", "/users/1/posts", true},
		{"/users/**", "/users", true},
		{"/users/**", "/users/1/posts", true},
		{"/users/**", "/users2", false},
		{"/**", "/", true},
		{"**", "/a/b", true},
		{"/a/**/b", "/a/b", true},
		{"/a/**/b", "/a/x/y/b", true},
		{"/a/**/b", "/ab", false},
		{"**/b", "/x/y/b", true},
		{"/files/*.css", "/files/site.css", true},
		{"/files/**.css", "/files/x/site.css", true},
		{"/api/{version}/users", "/api/v1/users", true},
		{"/api/{version}/users", "/api//users", false},
		{`/a\{b`, "/a{b", true},
		{`/a\*`, "/a*", true},
		{`/a\*`, "/ab", false},
		{"/a.c", "/abc", false},
		{"/^\\/v\\d+\\//", "/v12/x", true},
		{"/^\\/v\\d+\\//", "/x/v12/", false},
		{"/\\.css$/", "/a/site.css", true},
		{"/\\.CSS$/i", "/a/site.css", true},
	}
	for _, test := range tests {
		var p PathPattern
		if err := p.parse(test.pattern); err != nil {
			t.Errorf("%q: %v", test.pattern, err)
		} else if got := p.matchPath(test.path, fold(test.path)); got != test.want {
			t.Errorf("%q, path %q: got %v", test.pattern, test.path, got)
		}
	}
}

func TestPathCaptures(t *testing.T) {
	for pattern, want := range map[string]map[string]string{
		"/api/{version}/users/{id}": {"version": "v1", "id": "Ada Lovelace"},
		"/^\\/api\\/(?P<v>[^/]+)/":  {"v": "v1"},
		"/api/**":                   {},
	} {
		var p PathPattern
		if err := p.parse(pattern); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		p.captures("/api/v1/users/Ada%20Lovelace", got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
}

func TestPatternsThatAreWrong(t *testing.T) {
	long := strings.Repeat("a", maxPattern+1)
	for name, err := range map[string]error{
		"a long pattern":      new(Pattern).parse(long),
		"a long expression":   new(Pattern).parse("/" + long + "/"),
		"a long path":         new(PathPattern).parse("/" + long),
		"an expression":       new(Pattern).parse("/(/"),
		"a backslash":         new(Pattern).parse(`a\`),
		"a backslash, path":   new(PathPattern).parse(`/a\`),
		"an expression, path": new(PathPattern).parse("/^(/"),
		"an open brace":       new(PathPattern).parse("/{a"),
		"a capture twice":     new(PathPattern).parse("/{a}/{a}"),
		"no path":             new(PathPattern).parse(""),
		"no host":             new(HostPattern).parse(""),
		"a port alone":        new(HostPattern).parse(":80"),
		"a dot as host":       new(HostPattern).parse("."),
		"a port of letters":   new(HostPattern).parse("a:b"),
		"a URL as host":       new(HostPattern).parse("https://example.test"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"/a/**/b", "/{x}/*", `\*`, "*a*b", "/^a$/", ".host", "h:1", "[::1]:2"} {
		f.Add(s, "/a/x/b")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		var p Pattern
		if p.parse(pattern) == nil {
			p.Match(text)
		}
		var path PathPattern
		if path.parse(pattern) == nil && path.matchPath(text, fold(text)) {
			path.captures(text, make(map[string]string))
		}
		var host HostPattern
		if host.parse(pattern) == nil {
			host.matchHost(fold(text), "80")
		}
		if !strings.ContainsAny(pattern, `*\/{`) && p.parse(pattern) == nil && !p.Match(pattern) {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}
