package record

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// inFragments returns text as it is recorded in fragments that end at the given
// places, joined again.
func inFragments(r *redactor, text string, ends ...int) string {
	m := fragments{}
	x := handshake(1)
	var got []byte
	start := 0
	for i, end := range append(ends, len(text)) {
		f := frame(x, uint64(i+1), traffic.ServerToClient, traffic.OpContinuation, text[start:end])
		if i == 0 {
			f.Opcode = traffic.OpText
		}
		f.Fin = i == len(ends)
		got = m.append(got, f, r)
		start = end
	}
	if len(m) > 0 {
		panic("a message that has ended is still known")
	}
	return string(got)
}

// Wherever a message is cut, no secret in it is recorded, and all else is.
func TestSecretsCutByFragments(t *testing.T) {
	r := newRedactor()
	const text = `{"a":1,"token" : "sec\"ret\\","n":{"password":98765,"b":"x"},"token":""}`
	for first := range len(text) {
		for second := first; second <= len(text); second++ {
			got := inFragments(r, text, first, second)
			for _, secret := range []string{"sec", "ret", "98", "87", "76", "65"} {
				if strings.Contains(stripMarks(got), secret) {
					t.Fatalf("cut at %d and %d: %s", first, second, got)
				}
			}
			if want := `{"a":1,"token" : "","n":{"password":"","b":"x"},"token":""}`; stripMarks(got) != want {
				t.Fatalf("cut at %d and %d:\n%s\n%s", first, second, stripMarks(got), want)
			}
		}
	}
}

// stripMarks removes marks from text.
func stripMarks(text string) string {
	for {
		before, rest, found := strings.Cut(text, markPrefix)
		if !found {
			return text
		}
		_, rest, _ = strings.Cut(rest, "}}")
		text = before + rest
	}
}

func TestFragmentsOfSeveralMessages(t *testing.T) {
	x := handshake(1)
	var events []traffic.Event
	add := func(n uint64, dir traffic.Direction, op traffic.Opcode, fin bool, payload string) {
		f := frame(x, n, dir, op, payload)
		f.Fin = fin
		events = append(events, traffic.FrameSeen{Frame: f})
	}
	add(1, traffic.ClientToServer, traffic.OpText, false, `{"token":"one`)
	add(2, traffic.ServerToClient, traffic.OpText, false, `{"text":"two`)
	add(3, traffic.ClientToServer, traffic.OpPing, true, `three`)
	add(4, traffic.ServerToClient, traffic.OpContinuation, true, `four"}`)
	add(5, traffic.ClientToServer, traffic.OpContinuation, true, `five"}`)
	add(6, traffic.ClientToServer, traffic.OpText, false, `{"token":"six`)
	events = append(events, traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{Code: 1006}})
	_, lines := recorded(t, Options{}, events...)
	var got []string
	for _, line := range lines[:6] {
		got = append(got, stripMarks(string(parseFrame(t, line).Body.Inline)))
	}
	want := []string{`{"token":"`, `{"text":"two`, `three`, `four"}`, `"}`, `{"token":"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
}

func TestLongFragmentsAreInTheSidecarFolder(t *testing.T) {
	f := frame(handshake(1), 1, traffic.ClientToServer, traffic.OpText, `{"password":"p","x":"`+strings.Repeat("x", longPayload))
	f.Fin = false
	path, lines := recorded(t, Options{}, traffic.FrameSeen{Frame: f})
	entry := parseFrame(t, lines[0])
	var content bytes.Buffer
	r, err := open(t, path).OpenBody(&entry.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := content.ReadFrom(r); err != nil || !strings.HasPrefix(stripMarks(content.String()), `{"password":"","x":"xxx`) {
		t.Errorf("%.100s, error %v", content.String(), err)
	}
}

// JSON in fragments is recorded as it is when it comes whole, but for the marks.
func FuzzFragments(f *testing.F) {
	f.Add(uint64(1), `{"token":"a\"b","n":{"password":12},"text":"\\"}`)
	f.Add(uint64(2), `["token":1,"token" :  "x`)
	r := newRedactor()
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		random := rand.New(rand.NewPCG(seed, 0))
		var ends []int
		for end := 0; end < len(text) && len(ends) < 20; {
			end = min(len(text), end+random.IntN(8))
			ends = append(ends, end)
		}
		got := inFragments(r, text, ends...)
		if !strings.Contains(got, markPrefix) && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if len(text) > lookBehind {
			return // a name that is longer than the context is no secret then
		}
		want := string(whole(r, jsonGrammar{}, []byte(text)))
		if stripMarks(got) != stripMarks(want) && !strings.Contains(text, markPrefix) {
			t.Fatalf("%q in fragments became %q, whole %q", text, got, want)
		}
	})
}
