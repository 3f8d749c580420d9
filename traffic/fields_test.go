package traffic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// fields returns a section made in code from names and values in turn.
func fields(namesAndValues ...string) traffic.Fields {
	var fs traffic.Fields
	for i := 0; i < len(namesAndValues); i += 2 {
		fs.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return fs
}

// wire returns what the fields look like on the wire.
func wire(fs traffic.Fields) string {
	var text []byte
	for _, f := range fs {
		text = f.AppendTo(text)
	}
	return string(text)
}

func TestFieldsAreFoundWithoutCase(t *testing.T) {
	fs := fields("X-Dup", "1", "Host", "a", "x-dup", "2", "X-Empty", "")
	if got := fs.Get("x-DUP"); got != "1" {
		t.Errorf("Get = %q, want the first value", got)
	}
	if diff := cmp.Diff([]string{"1", "2"}, fs.Values("X-DUP")); diff != "" {
		t.Errorf("Values (-want +got):\n%s", diff)
	}
	if !fs.Has("x-empty") || fs.Has("X-Dup2") || fs.Has("X-Du") {
		t.Error("Has must find an empty field and no field of another name")
	}
	if got := fs.Values("X-None"); got != nil {
		t.Errorf("Values of no field = %v, want nil", got)
	}
	var zero traffic.Fields
	if zero.Get("a") != "" || zero.Has("a") {
		t.Error("the zero section has a field")
	}
}

func TestHasToken(t *testing.T) {
	tests := []struct {
		name   string
		fields traffic.Fields
		want   bool
	}{
		{"alone", fields("Connection", "close"), true},
		{"other case", fields("connection", "CLOSE"), true},
		{"in a list", fields("Connection", "keep-alive, \tclose ,x"), true},
		{"in the second field", fields("Connection", "x", "Connection", "close"), true},
		{"empty elements", fields("Connection", ",,close"), true},
		{"part of a token", fields("Connection", "close-notify"), false},
		{"with a parameter", fields("Connection", "close;x"), false},
		{"another field", fields("X-Connection", "close"), false},
		{"empty", fields("Connection", ""), false},
	}
	for _, test := range tests {
		if got := test.fields.HasToken("Connection", "close"); got != test.want {
			t.Errorf("%s: HasToken = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSetKeepsPlaceAndSpelling(t *testing.T) {
	fs := fields("A", "1", "x-Dup", "2", "B", "3", "X-DUP", "4")
	fs.Set("X-Dup", "new")
	fs.Set("C", "added")
	if got, want := wire(fs), "A: 1\r\nx-Dup: new\r\nB: 3\r\nC: added\r\n"; got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestDelRemovesAllOfAName(t *testing.T) {
	fs := fields("A", "1", "b", "2", "A", "3", "C", "4")
	fs.Del("a", "c", "none")
	if got, want := wire(fs), "b: 2\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithoutLeavesTheOriginal(t *testing.T) {
	fs := fields("A", "1", "B", "2", "a", "3", "C", "4")
	before := wire(fs)
	without := fs.Without("A", "c")
	if got, want := wire(without), "B: 2\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := wire(fs); got != before {
		t.Errorf("Without changed its receiver to %q", got)
	}
	if same := fs.Without("X"); &same[0] != &fs[0] {
		t.Error("Without copied a section it had nothing to remove from")
	}
}

func TestCloneIsIndependent(t *testing.T) {
	fs := fields("A", "1")
	clone := fs.Clone()
	clone.Set("A", "2")
	clone.Add("B", "3")
	if got, want := wire(fs), "A: 1\r\n"; got != want {
		t.Errorf("the original became %q", got)
	}
	if traffic.Fields(nil).Clone() != nil {
		t.Error("the clone of nothing is not nil")
	}
}

func TestWireFieldIsRewrittenOnlyWhereItWasChanged(t *testing.T) {
	const line = "hOST:\t a  \n"
	original := traffic.WireField("hOST", "a", line)
	tests := []struct {
		name string
		edit func(*traffic.Field)
		want string
	}{
		{"untouched", func(*traffic.Field) {}, line},
		{"same value", func(f *traffic.Field) { f.Value = "a" }, line},
		{"other value", func(f *traffic.Field) { f.Value = "b" }, "hOST: b\r\n"},
		{"longer value", func(f *traffic.Field) { f.Value = "a a" }, "hOST: a a\r\n"},
		{"empty value", func(f *traffic.Field) { f.Value = "" }, "hOST: \r\n"},
		{"other name", func(f *traffic.Field) { f.Name = "host" }, "host: a\r\n"},
		{"shorter name", func(f *traffic.Field) { f.Name = "hOS" }, "hOS: a\r\n"},
		{"empty name", func(f *traffic.Field) { f.Name = "" }, ": a\r\n"},
	}
	for _, test := range tests {
		f := original
		test.edit(&f)
		if got := string(f.AppendTo(nil)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestWireFieldsWithoutValue(t *testing.T) {
	for _, line := range []string{"A:\r\n", "A: \t \r\n", "A:\n"} {
		f := traffic.WireField("A", "", line)
		if got := string(f.AppendTo(nil)); got != line {
			t.Errorf("got %q, want %q", got, line)
		}
	}
}
