package fleet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/fleet"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		text  string
		want  fleet.Target
		shown string // "" for the text itself
	}{
		{text: "redis://127.0.0.1:6380/ci", want: fleet.Target{Addrs: []string{"127.0.0.1:6380"}, Stream: "ci"}},
		{
			text: "redis://redis.example/ci", shown: "redis://redis.example:6379/ci",
			want: fleet.Target{Addrs: []string{"redis.example:6379"}, Stream: "ci"},
		},
		{text: "redis://h:1", want: fleet.Target{Addrs: []string{"h:1"}}},
		{text: "redis://h:1/a:b", want: fleet.Target{Addrs: []string{"h:1"}, Stream: "a:b"}},
		{text: "redis://h:1/a%2Fb", want: fleet.Target{Addrs: []string{"h:1"}, Stream: "a/b"}},
		{text: "redis://[::1]:1/s?db=3", want: fleet.Target{Addrs: []string{"[::1]:1"}, Stream: "s", DB: 3}},
		{text: "redis://[::1]/s", want: fleet.Target{Addrs: []string{"[::1]:6379"}, Stream: "s"}, shown: "redis://[::1]:6379/s"},
		{
			text: "rediss://ci:p%40ss@h:1/s", shown: "rediss://ci@h:1/s",
			want: fleet.Target{TLS: true, User: "ci", Password: "p@ss", Addrs: []string{"h:1"}, Stream: "s"},
		},
		{
			text: "redis://:secret@h:1/s", shown: "redis://h:1/s",
			want: fleet.Target{Password: "secret", Addrs: []string{"h:1"}, Stream: "s"},
		},
		{
			text: "rediss+cluster://a:1,b:2/s",
			want: fleet.Target{TLS: true, Cluster: true, Addrs: []string{"a:1", "b:2"}, Stream: "s"},
		},
	}
	for _, test := range tests {
		got, err := fleet.ParseTarget(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
		shown := test.shown
		if shown == "" {
			shown = test.text
		}
		if got.String() != shown {
			t.Errorf("%s is shown as %s, want %s", test.text, got, shown)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	tests := map[string]string{
		"http://h/s":                   "the scheme is none of redis, rediss, redis+cluster, rediss+cluster",
		"h:6379":                       "the scheme is none of redis, rediss, redis+cluster, rediss+cluster",
		"redis:///s":                   "the host is missing",
		"redis://h:0/s":                `"0" is no port`,
		"redis://h:99999/s":            `"99999" is no port`,
		"redis://h:x/s":                `"x" is no port`,
		"redis://::1/s":                `"::1" is no host: write an IPv6 address in brackets`,
		"redis://[x]:1/s":              `"[x]:1" is no host`,
		"redis://a:1,b:2/s":            "several hosts are for a cluster: redis+cluster://",
		"redis://h:1/s{1}":             `stream: "s{1}" has braces`,
		"redis://h:1/%zz":              `stream: invalid URL escape "%zz"`,
		"redis://h:1/s?db=x":           `db: "x" is no number of a database`,
		"redis://h:1/s?tls=1":          `unknown parameter "tls"`,
		"redis+cluster://h:1/s?db=1":   "db: a cluster has only one",
		"redis://u:pass%word@h:1/s":    "user or password: write % as %25",
		"redis+cluster://a:1,,b:2/s":   "the host is missing",
		"redis://h:1/s?db=1&db=2":      `unknown parameter "db"`,
		"redis://h:1/s?db=%zz":         `invalid URL escape "%zz"`,
		"redis://user:hunter2@h:bad/s": `"bad" is no port`,
	}
	for text, want := range tests {
		_, err := fleet.ParseTarget(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password", text)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"redis://u:p@h:1/s?db=1", "rediss+cluster://a,b:2/s", "redis://[::1]/%41", "redis://@/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := fleet.ParseTarget(text)
		if err != nil {
			return
		}
		target.Password = "" // which is not shown
		again, err := fleet.ParseTarget(target.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, target, err)
		}
		if diff := cmp.Diff(target, again); diff != "" {
			t.Errorf("%q became %q (-want +got):\n%s", text, target, diff)
		}
	})
}
