package tail

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// columnsOf is a terminal of that width.
func columnsOf(n int) func() int { return func() int { return n } }

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text        string
		most        int
		end, middle string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 5, "abcd…", "ab…ef"},
		{"abcdef", 3, "ab…", "a…f"},
		{"abcdef", 1, "…", "…"},
		{"abcdef", 0, "", ""},
		{"abcdef", -3, "", ""},
		{"", 3, "", ""},
		{"世界世界", 8, "世界世界", "世界世界"},
		{"世界世界", 7, "世界世…", "世…世界"},
		{"世界世界", 6, "世界…", "世…界"},
		{"世界世界", 2, "…", "…"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301…", "e\u0301…e\u0301"},
		{"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5, "👩‍👩‍👧👩‍👩‍👧…", "👩‍👩‍👧…👩‍👩‍👧"},
	} {
		if got := cutEnd(c.text, c.most); got != c.end {
			t.Errorf("cutEnd(%q, %d) = %q, want %q", c.text, c.most, got, c.end)
		}
		if got := cutMiddle(c.text, c.most); got != c.middle {
			t.Errorf("cutMiddle(%q, %d) = %q, want %q", c.text, c.most, got, c.middle)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("https://例え.jp/a/long/path?q=🇩🇪🇫🇷", 12)
	f.Add("e\u0301\u0301\u0301\xff", 2)
	f.Fuzz(func(t *testing.T, s string, most int) {
		s = Safe(s)
		for _, got := range []string{cutEnd(s, most), cutMiddle(s, most)} {
			if columns(got) > max(0, most) {
				t.Errorf("%q takes %d columns of %d", got, columns(got), most)
			}
			front, back, cut := strings.Cut(got, ellipsis)
			switch {
			case got == "" && most <= 0, got == s:
			case !cut || !strings.HasPrefix(s, front) && !strings.Contains(s, ellipsis):
				t.Errorf("%q became %q", s, got)
			case !strings.HasSuffix(s, back) && !strings.Contains(s, ellipsis):
				t.Errorf("%q became %q", s, got)
			case !utf8.ValidString(got):
				t.Errorf("%q is cut inside a character", got)
			}
		}
	})
}

// terminalRecording has a line of every kind, most of them long.
func terminalRecording() string {
	long := strings.Repeat("/long", 60)
	rules := `"rules":["users are mocked"],"tags":["checkout"]`
	return metaLine +
		`{"type":"http","seq":2,"id":1,"conn":1,` + at(0) + `,"request":{"method":"GET","url":"https://api.example.com` + long + `?last=1"},"response":{"status":200},"ms":42.1}` + "\n" +
		`{"type":"http","seq":2,"id":2,"conn":1,` + at(0) + `,"request":{"method":"PROPFIND","url":"https://api.example.com/世界` + long + `"},"response":{"status":200,"source":"rule","body":{"size":1047552,"text":"a"}},"ms":3599000,` + rules + `}` + "\n" +
		`{"type":"http","seq":2,"id":3,"conn":1,` + at(0) + `,"request":{"method":"GET","url":"http://nowhere.test/"},"error":{"kind":"dns","side":"upstream","text":"lookup nowhere.test: no such host"},"ms":1}` + "\n" +
		opened(4, "wss://a"+long) +
		framed(4, 1, `"dir":"client-to-server","opcode":1,"fin":true,"length":9,"text":"`+strings.Repeat("世界", 100)+`"`) +
		framed(4, 1, `"dir":"client-to-server","opcode":1,"fin":false,"length":9,"text":"`+strings.Repeat("ab", 100)+`"`) +
		framed(4, 1, `"dir":"server-to-client","opcode":9,"fin":true,"length":9,"text":"`+strings.Repeat("ab", 100)+`"`) +
		framed(4, 1, `"dir":"server-to-client","opcode":8,"fin":true,"length":9,"text":"ab`+strings.Repeat("ab", 100)+`"`) +
		closed(4, 2, `"code":1006,"reason":"`+strings.Repeat("reason ", 20)+`","by":"server","cause":"reset"`) +
		`{"type":"tls","seq":2,"conn":1,` + at(0) + `,"client":"127.0.0.1:1","failure":"cert-rejected","sni":"` + strings.Repeat("a.", 60) + `test"}` + "\n" +
		`{"type":"tunnel","seq":2,"conn":1,` + at(0) + `,"target":"` + strings.Repeat("b.", 60) + `test:443","bytesUp":1,"bytesDown":2,"ms":3}` + "\n"
}

func TestLinesFitTheTerminal(t *testing.T) {
	for width := 40; width < 180; width += 7 {
		got := printed(t, terminalRecording(), Options{Width: columnsOf(width)})
		for line := range strings.Lines(got) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns on a terminal of %d: %s", n, width, line)
			}
		}
	}
}

func TestLayouts(t *testing.T) {
	recording := strings.Join(strings.SplitAfter(terminalRecording(), "\n")[:3], "") + ping("hello")
	for width, want := range map[int]string{
		110: `[23:44:03.000]  GET      200          -    42.1ms  https://api.example.com/long/…ng/long/long/long/long?last=1
[23:44:03.000]  PROPFIND  200   1023 KiB    59m59s  https://api.ex…long/long/long  (mocked, rule users are mo…
[23:44:03.000]  -->  PING hello
`,
		80: `23:44:03  GET   200          -    42.1ms  api.example.com/lon…g/long/long?last=1
23:44:03  PROPFIND  200   1023 KiB    59m59s  api.exam…ong/long  (mocked, rule …
23:44:03  -->  PING hello
`,
		50: `23:44  GET   200  api.example.com/…ong/long?last=1
23:44  PROPFIND  200  api.exa…g/long  (mocked, ru…
23:44  -->  PING hello
`,
	} {
		if diff := cmp.Diff(want, printed(t, recording, Options{Width: columnsOf(width)})); diff != "" {
			t.Errorf("%d columns: %s", width, diff)
		}
	}
}

// A frame of many megabytes costs a terminal no more than a line.
func TestALongLineOnATerminal(t *testing.T) {
	long := strings.Repeat("\u0301", 5<<20) // takes no columns
	recording := metaLine + framed(1, 0, fmt.Sprintf(`"dir":"client-to-server","opcode":1,"fin":true,"length":1,"text":"a%s"`, long))
	got := printed(t, recording, Options{Width: columnsOf(80)})
	if len(got) > 4096 || !strings.HasSuffix(got, ellipsis+"\n") {
		t.Errorf("%d bytes: %.200q", len(got), got)
	}
	if full := printed(t, recording, Options{}); !strings.HasSuffix(full, "a"+long+"\n") {
		t.Errorf("without a terminal there are %d bytes", len(full))
	}
}

// FuzzLine prints lines of any content: whatever it is, nothing of it is obeyed
// by a terminal.
func FuzzLine(f *testing.F) {
	for line := range strings.Lines(terminalRecording()) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	for line := range strings.Lines(read(f, chat)) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, o := range []Options{
			{}, {Width: columnsOf(80), Headers: true, Body: true, Pretty: true, Hex: true}, {Stats: true}, filtered(t, "ws or host:a"),
		} {
			o.Warn = func(string) {}
			for _, r := range printed(t, metaLine+strings.ReplaceAll(line, "\n", " ")+"\n", o) {
				if r != '\n' && (r < ' ' || isUnsafe(r) || r == 0x7f) {
					t.Fatalf("%U is printed", r)
				}
			}
		}
	})
}
