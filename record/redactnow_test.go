package record

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// TestRedactionChangesWhileRecording holds that other secrets are in force for what
// is observed from then on, also with fewer of them, and that one that cannot be used
// changes nothing.
func TestRedactionChangesWhileRecording(t *testing.T) {
	const plain, marked = "acme", "{{redacted:x-tenant:#}}"
	for redaction, want := range map[string][]string{
		"auto": {plain, marked, marked, plain},
		"off":  {plain, plain, plain, plain},
	} {
		path := filepath.Join(t.TempDir(), "run.jsonl")
		synctest.Test(t, func(t *testing.T) { recordTenants(t, path, redaction) })
		lines := linesOf(t, path)
		var got []string
		for _, line := range lines[1 : len(lines)-1] {
			got = append(got, hideHash(parse(t, line).Request.Header[0].Value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", redaction, diff)
		}
	}
}

// recordTenants records an exchange after each change of what is redacted.
func recordTenants(t *testing.T, path, redaction string) {
	w, err := Create(path, Options{Redaction: redaction})
	if err != nil {
		t.Fatal(err)
	}
	tenant := []Pattern{{Header: "X-Tenant"}}
	broken := []Pattern{{Header: "X-Other"}, {Regex: "("}}
	for i, also := range [][]Pattern{nil, tenant, broken, nil} {
		if err := w.Redact(also); (err != nil) != (len(also) == len(broken)) {
			t.Errorf("%v: error %v", also, err)
		}
		x := exchange(traffic.ExchangeID(i + 1))
		x.Request.Header = traffic.Fields{{Name: "X-Tenant", Value: "acme"}}
		w.Observe(traffic.ExchangeDone{Exchange: x})
		time.Sleep(50 * time.Millisecond) // it is written by then
		synctest.Wait()
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
