package tail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyLine has a line of every kind, numbered by their members seq.
func everyLine() string {
	const hello = `"dir":"client-to-server","opcode":1,"fin":true,"length":2,"text":"Hi"`
	const data = `"dir":"server-to-client","opcode":2,"fin":true,"length":2,"base64":"AP8="`
	http := func(id int, url string) string {
		return fmt.Sprintf(`{"type":"http","seq":2,"id":%d,"conn":1,%s,"request":{"method":"GET","url":%q},"ms":1}`+"\n", id, at(0), url)
	}
	return metaLine + http(1, "http://a/") + http(2, "https://b/") +
		opened(3, "ws://c/") + framed(3, 1, hello) + closed(3, 2, `"code":1000`) +
		opened(4, "wss://d/") + framed(4, 3, data) + closed(4, 4, `"code":1006`) +
		framed(5, 5, hello) + // its handshake is not in the recording
		`{"type":"tls","seq":9,"conn":9,` + at(6) + `,"client":"c","failure":"closed"}` + "\n" +
		`{"type":"tunnel","seq":9,"conn":9,` + at(7) + `,"client":"c","target":"d:443"}` + "\n" +
		`{"type":"later","seq":9,"id":1}` + "\n" + `{"type":"end","seq":9,` + at(8) + `}` + "\n"
}

func TestFilter(t *testing.T) {
	for expr, want := range map[string]string{ // the numbers of the lines behind meta
		"all":                     "1 2 3 4 5 6 7 8 9 10 11",
		"ws":                      "3 4 5 6 7 8 9",
		"wss":                     "6 7 8",
		"http":                    "1 2",
		"https":                   "2",
		"dir:in":                  "7",
		"opcode:text":             "4 9",
		"text:hI":                 "4 9",
		"wss and text:hi":         "",
		"host:c":                  "3 4 5",
		"host:d and dir:in":       "7",
		"error":                   "8 10",
		"close:1006":              "8",
		"tls or tcp":              "10 11",
		"not (ws or http)":        "10 11",
		"url:ws://c and not ws":   "",
		"frame:hi or close:1000":  "4 5 9",
		"id:4 and not close:1006": "6 7",
	} {
		t.Run(expr, func(t *testing.T) {
			lines := strings.SplitAfter(everyLine(), "\n")
			expected := lines[0]
			for field := range strings.FieldsSeq(want) {
				var n int
				if _, err := fmt.Sscan(field, &n); err != nil {
					t.Fatal(err)
				}
				expected += lines[n]
			}
			o := filtered(t, expr)
			o.JSON, o.Warn = true, func(string) {}
			if diff := cmp.Diff(expected, printed(t, everyLine(), o)); diff != "" {
				t.Error(diff)
			}
			o.JSON = false
			if got := strings.Count(printed(t, everyLine(), o), "\n"); got != len(strings.Fields(want)) {
				t.Errorf("%d lines for people", got)
			}
		})
	}
}

func TestLinesThatMeanNothingToAFilterArePrintedWithoutOne(t *testing.T) {
	if diff := cmp.Diff(everyLine(), printed(t, everyLine(), Options{JSON: true})); diff != "" {
		t.Error(diff)
	}
}

func TestAMissingHandshakeIsSaidOnce(t *testing.T) {
	recording := metaLine + ping("a") + ping("b")
	var warnings []string
	o := filtered(t, "host:a")
	o.Warn = func(text string) { warnings = append(warnings, text) }
	printed(t, recording, o)
	if len(warnings) != 1 || !strings.Contains(warnings[0], "handshake of connection #1") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestFilterOnBodies(t *testing.T) {
	exchange := func(id int, content string) string {
		return fmt.Sprintf(`{"type":"http","seq":2,"id":%d,"conn":1,%s,"request":{"method":"GET","url":"http://a/%d"},`+
			`"response":{"status":200,"body":{"size":1,"text":%q}},"ms":1}`+"\n", id, at(0), id, content)
	}
	recording := metaLine + exchange(1, "milk") + exchange(2, "bread")
	got := printed(t, recording, filtered(t, "body:bread"))
	if !strings.HasSuffix(got, "http://a/2\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestSince(t *testing.T) {
	odd := strings.Replace(ping("odd"), `"at":"2026-11-20T23:44:03.000000Z"`, `"at":"2026-11-21T00:44:03.002+01:00"`, 1)
	recording := metaLine + ping("early") + framed(1, 2, `"dir":"client-to-server","opcode":9,"fin":true,"length":1,"text":"late"`) + odd
	o := Options{Since: time.Date(2026, 11, 20, 23, 44, 3, 2e6, time.UTC)}
	want := "[23:44:03.002]  -->  PING late\n[23:44:03.002]  -->  PING odd\n"
	if diff := cmp.Diff(want, printed(t, recording, o)); diff != "" {
		t.Error(diff)
	}
	// What is older still says what younger frames belong to.
	o.Filter = filtered(t, "host:c or host:d").Filter
	o.Since, o.Warn = o.Since.Add(time.Millisecond), func(string) {}
	if got := printed(t, everyLine(), o); strings.Count(got, "\n") != 3 {
		t.Errorf("got %s", got)
	}
}

func TestLast(t *testing.T) {
	recording := metaLine
	for i := range 10 {
		recording += ping(fmt.Sprint(i))
	}
	for _, n := range []int{0, 1, 3, 10, 20} {
		want := ""
		for i := max(0, 10-n); i < 10; i++ {
			want += pinged(fmt.Sprint(i))
		}
		if diff := cmp.Diff(want, printed(t, recording, Options{Last: &n})); diff != "" {
			t.Errorf("the last %d: %s", n, diff)
		}
	}
	got := printed(t, recording, Options{Last: new(2), JSON: true})
	if diff := cmp.Diff(metaLine+ping("8")+ping("9"), got); diff != "" {
		t.Error(diff)
	}
}

func TestSeveralSources(t *testing.T) {
	one := NewStream("a.jsonl", strings.NewReader(metaLine+ping("1")+ping("2")))
	other := NewStream("\x1b.jsonl", strings.NewReader(metaLine+ping("3")))
	want := `a.jsonl     ` + pinged("2") + `\x1b.jsonl  ` + pinged("3")
	if diff := cmp.Diff(want, run(t, Options{Last: new(1)}, one, other)); diff != "" {
		t.Error(diff)
	}
}
