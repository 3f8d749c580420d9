package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// parseRecord returns the options that a command line of record gives.
func parseRecord(t *testing.T, args ...string) (recordOptions, error) {
	t.Helper()
	var got recordOptions
	cmd := newRecordCmd(stdio{}, func(_ context.Context, _ stdio, o recordOptions) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return got, cmd.ExecuteContext(t.Context())
}

func TestRecordListensWhereTheUserSays(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"on the usual port", nil, "127.0.0.1:8888"},
		{"on a free port for a command", []string{"--", "npm", "test"}, "127.0.0.1:0"},
		{"on the given port even for a command", []string{"--listen", "127.0.0.1:8888", "--", "npm"}, "127.0.0.1:8888"},
		{"on all addresses", []string{"--listen", ":0", "--allow-cidr", "10.0.0.0/8"}, ":0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := parseRecord(t, tc.args...)
			if err != nil || o.serve.listen != tc.want {
				t.Errorf("got %q, %v; want %q", o.serve.listen, err, tc.want)
			}
		})
	}
}

func TestRecordFlagsReachTheirOptions(t *testing.T) {
	o, err := parseRecord(t, "-o", "a.jsonl", "--append", "--redact", "off", "--grace", "0", "--max-body", "2MiB",
		"--passthrough", "*.bank.example", "--http1", "--insecure=one.example", "--insecure",
		"--resolve", "API.example.com:443:[::1]", "--resolve", "[::1]:80:127.0.0.1:8080",
		"--reverse", "https://api.example.com/v1", "--map", "127.0.0.1:0=http://localhost:3000", "--", "npm", "--json")
	if err != nil {
		t.Fatal(err)
	}
	wantWriter := record.Options{Append: true, Redaction: "off", ToolVersion: buildVersion(), Mode: "reverse"}
	if diff := cmp.Diff(wantWriter, o.writer); diff != "" {
		t.Errorf("recording:\n%s", diff)
	}
	wantNetwork := networkOptions{
		insecure: true, insecureHosts: []string{"one.example"},
		resolve: map[string]string{"api.example.com:443": "::1", "[::1]:80": "127.0.0.1:8080"},
		tlsMin:  "1.2", minTLS: tls.VersionTLS12,
	}
	if diff := cmp.Diff(wantNetwork, o.network, cmp.AllowUnexported(networkOptions{}, upstreamOptions{})); diff != "" {
		t.Errorf("network:\n%s", diff)
	}
	if o.proxy.Grace != -1 || o.proxy.MaxBody != 2<<20 || !o.proxy.HTTP1Only || !cmp.Equal(o.proxy.Passthrough, []string{"*.bank.example"}) {
		t.Errorf("proxy: grace %v, body %d, HTTP/1.1 only %v, passthrough %q", o.proxy.Grace, o.proxy.MaxBody, o.proxy.HTTP1Only, o.proxy.Passthrough)
	}
	wantReverse := &traffic.URL{Scheme: "https", Authority: "api.example.com", Target: "/v1"}
	wantMaps := []reverseMap{{addr: "127.0.0.1:0", origin: &traffic.URL{Scheme: "http", Authority: "localhost:3000", Target: "/"}}}
	if diff := cmp.Diff(wantReverse, o.reverse) + cmp.Diff(wantMaps, o.maps, cmp.AllowUnexported(reverseMap{})); diff != "" {
		t.Errorf("origins:\n%s", diff)
	}
	if !cmp.Equal(o.command, []string{"npm", "--json"}) || o.serve.json {
		t.Errorf("command %q, --json %v: the command's flags are its own", o.command, o.serve.json)
	}
}

func TestRecordDefaults(t *testing.T) {
	o, err := parseRecord(t)
	if err != nil {
		t.Fatal(err)
	}
	if o.output != "run.jsonl" || o.proxy.Grace != 5*time.Second || o.proxy.MaxBody != 64<<20 || o.writer.Mode != "forward" {
		t.Errorf("got %+v", o)
	}
}

func TestResolveValuesThatCannotBe(t *testing.T) {
	for _, s := range []string{
		"", ":", "::", "host", "host:443", "host:443:", "host:443:name", "host::127.0.0.1", ":443:127.0.0.1",
		"host:99999:127.0.0.1", "[::1:443:127.0.0.1", "[]:443:127.0.0.1", "host:443:127.0.0.1:x", "ho st:443:127.0.0.1",
	} {
		if from, to, err := parseResolve(s); err == nil {
			t.Errorf("parseResolve(%q) = %q, %q; want an error", s, from, to)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"a:443:127.0.0.1", "[::1]:80:[::2]", "a:1:127.0.0.1:2", "a:1:[::1]:2", "[a:1:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		from, to, err := parseResolve(s)
		if err != nil {
			return
		}
		if again, to2, err := parseResolve(from + ":" + to); err != nil || again != from || to2 != to {
			t.Errorf("%q gives %q and %q, which give %q, %q, %v", s, from, to, again, to2, err)
		}
	})
}

func TestReplayFailsOnMissOnlyWithACommand(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want replayOptions
	}{
		{[]string{"a", "b"}, replayOptions{recordings: []string{"a", "b"}}},
		{[]string{"a", "--", "c", "d"}, replayOptions{recordings: []string{"a"}, command: []string{"c", "d"}, failOnMiss: true}},
		{[]string{"a", "--fail-on-miss"}, replayOptions{recordings: []string{"a"}, failOnMiss: true}},
		{
			[]string{"a", "--fail-on-miss=false", "--timing", "2x", "--", "c"},
			replayOptions{recordings: []string{"a"}, command: []string{"c"}, answers: replay.Options{Timing: 2}},
		},
	} {
		var got replayOptions
		cmd := newReplayCmd(stdio{}, func(_ context.Context, _ stdio, o replayOptions) error {
			got = o
			return nil
		})
		cmd.SetArgs(tc.args)
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%q: %v", tc.args, err)
		}
		got.serve, got.events = serveFlags{}, eventsFlags{}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(replayOptions{}, serveFlags{}, eventsFlags{}, clusterFlags{}, rulesFlags{})); diff != "" {
			t.Errorf("%q:\n%s", tc.args, diff)
		}
	}
}

func TestErrorsHaveTheirExitCodes(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"none", nil, 0, ""},
		{"failure", errors.New("disk on fire"), 1, "necto: error: disk on fire\n"},
		{"failure with a hint", withHint(errors.New("no"), "try %s", "yes"), 1, "necto: error: no\nnecto: hint: try yes\n"},
		{"usage", usagef("bad %d", 1).hinted("good"), 2, "necto: error: bad 1\nnecto: hint: good\n"},
		{"check", &exitError{code: 3, err: errors.New("missed")}, 3, "necto: error: missed\n"},
		{"a command's own", &exitError{code: 77}, 77, ""},
		{"hostile text", errors.New("a\nb\x1b[2J"), 1, "necto: error: a b\\x1b[2J\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var diag bytes.Buffer
			if code := report(stdio{err: &diag}, tc.err); code != tc.code || diag.String() != tc.want {
				t.Errorf("got %d and %q, want %d and %q", code, diag.String(), tc.code, tc.want)
			}
		})
	}
}
