package traffic_test

import (
	"testing"

	"github.com/necto-dev/necto/traffic"
)

func TestNeverIndexedFieldsStaySo(t *testing.T) {
	fs := traffic.Fields{{Name: "a", Value: "1"}, traffic.NeverIndexed("authorization", "secret")}
	fs.Set("authorization", "another")
	fs.Add("b", "2")
	var marked []string
	for _, f := range fs.Clone() {
		if f.IsNeverIndexed() {
			marked = append(marked, f.Name)
		}
	}
	if len(marked) != 1 || marked[0] != "authorization" {
		t.Errorf("never indexed: %q, want only authorization", marked)
	}
	if got, want := wire(fs), "a: 1\r\nauthorization: another\r\nb: 2\r\n"; got != want {
		t.Errorf("as lines of HTTP/1: %q, want %q", got, want)
	}
	if traffic.WireField("a", "1", "a: 1\r\n").IsNeverIndexed() {
		t.Error("a field of HTTP/1 says that it is never indexed")
	}
}
