package tail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestSelection(t *testing.T) {
	const hello = `"dir":"client-to-server","opcode":1,"fin":true,"length":2,"text":"Hi"`
	const data = `"dir":"server-to-client","opcode":2,"fin":true,"length":2,"base64":"AP8="`
	http := func(id int, url string) string {
		return fmt.Sprintf(`{"type":"http","seq":2,"id":%d,"conn":1,%s,"request":{"method":"GET","url":%q},"ms":1}`+"\n", id, at(0), url)
	}
	recording := metaLine + http(1, "http://a/") + http(2, "https://b/") +
		opened(3, "ws://c/") + framed(3, 1, hello) + closed(3, 2, `"code":1000`) +
		opened(4, "wss://d/") + framed(4, 1, data) + closed(4, 2, `"code":1000`) +
		framed(5, 1, hello) + // its handshake is not in the recording
		`{"type":"tls","seq":9,"conn":9,` + at(0) + `,"client":"c","failure":"closed"}` + "\n" +
		`{"type":"later","seq":9,"id":1}` + "\n" + `{"type":"end","seq":9,` + at(0) + `}` + "\n"
	for name, c := range map[string]struct {
		selection Selection
		want      string // the numbers of the lines behind meta
	}{
		"everything": {Selection{}, "1 2 3 4 5 6 7 8 9 10 11 12"},
		"ws":         {Selection{Kind: KindWS}, "3 4 5 6 7 8 9"},
		"wss":        {Selection{Kind: KindWSS}, "6 7 8"},
		"http":       {Selection{Kind: KindHTTP}, "1 2"},
		"https":      {Selection{Kind: KindHTTPS}, "2"},
		"direction":  {Selection{Dir: new(traffic.ServerToClient)}, "7"},
		"opcode":     {Selection{Opcode: new(traffic.OpText)}, "4 9"},
		"search":     {Selection{Search: "hI"}, "4 9"},
		"both":       {Selection{Kind: KindWSS, Search: "hi"}, ""},
		"neither":    {Selection{Kind: KindHTTP, Search: "hi"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.SplitAfter(recording, "\n")
			want := lines[0]
			for field := range strings.FieldsSeq(c.want) {
				var n int
				if _, err := fmt.Sscan(field, &n); err != nil {
					t.Fatal(err)
				}
				want += lines[n]
			}
			if diff := cmp.Diff(want, printed(t, recording, Options{Selection: c.selection, JSON: true})); diff != "" {
				t.Error(diff)
			}
			// The text has a line for each that people can read.
			text := printed(t, recording, Options{Selection: c.selection})
			readable := len(strings.Fields(c.want))
			if c.selection == (Selection{}) {
				readable -= 2 // later, end
			}
			if got := strings.Count(text, "\n"); got != readable {
				t.Errorf("%d lines:\n%s", got, text)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]traffic.Opcode{"text": 1, "PING": 9, "0xb": 11, "8": 8, "continuation": 0} {
		if got, err := ParseOpcode(s); got != want || err != nil {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]traffic.Direction{
		"out": traffic.ClientToServer, "In": traffic.ServerToClient, "server-to-client": traffic.ServerToClient,
	} {
		if got, err := ParseDirection(s); got != want || err != nil {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	if got, err := ParseKind(" WSS "); got != KindWSS || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"16", "-1", "", "frame"} {
		if _, err := ParseOpcode(s); err == nil {
			t.Errorf("opcode %q was accepted", s)
		}
	}
	if _, err := ParseDirection("up"); err == nil {
		t.Error("direction up was accepted")
	}
	if _, err := ParseKind("host:api"); err == nil {
		t.Error("an expression was accepted")
	}
}
