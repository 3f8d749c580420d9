package tail

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func format(t testing.TB, text string) *Format {
	t.Helper()
	f, err := ParseFormat(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormat(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Method}} {{.Status}}":                                                 "POST 201",
		"{{.Type}} {{.ID}} {{.Conn}} {{.Time.Format \"15:04\"}}":                  "http 1 1 23:44",
		"{{.URL}} {{.Scheme}} {{.Host}} {{.Path}} {{.Query}}":                     "https://a/orders?x=1 https a /orders x=1",
		"{{.Proto}} {{.Reason}} {{.ContentType}} {{.Client}} {{.Server}}":         "HTTP/1.1 Created text/plain c:1 s:2",
		"{{.RequestSize}} {{.Size}} {{.Duration}} {{.Duration.Milliseconds}}":     "10 9 604.5ms 604",
		"{{.Rules}} {{join .Tags}}{{.Error}}|{{.Source}}":                         "",
		"{{.Rules}} {{range .Tags}}{{.}};{{end}}{{.Error}}|{{.Source}}":           "[slow] shop;|",
		"{{.RequestBody}} {{.RequestHeader \"host\"}} {{.ResponseHeader \"no\"}}": "{\"item\":1} a ",
		"{{.Body}}":                   "one\r\n\ntwo\n",
		"{{if .Error}}failed{{end}}":  "",
		`{{.RequestHeader "X-Evil"}}`: "\x1b[2J",
	} {
		if strings.Contains(text, "join") {
			if _, err := ParseFormat(text); err == nil {
				t.Errorf("%s was accepted", text)
			}
			continue
		}
		if want != "" {
			want += "\n"
		}
		if diff := cmp.Diff(want, printed(t, order, Options{Format: format(t, text)})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestFormatOfEveryLine(t *testing.T) {
	const text = "{{.Type}} {{.Host}} {{.URL}} {{.Direction}} {{.Opcode}} {{.Frame}} {{.Code}} {{.Body}} {{.Error}}"
	want := `http a http://a/   0 0  
http b https://b/   0 0  
ws.open c ws://c/   0 0  
ws.frame c ws://c/ client-to-server text 1 0 Hi 
ws.close c ws://c/   0 1000  
ws.open d wss://d/   0 0  
ws.frame d wss://d/ server-to-client binary 1 0 ` + "\x00\xff" + ` 
ws.close d wss://d/   0 1006  
ws.frame   client-to-server text 1 0 Hi 
tls     0 0  closed
tunnel d:443    0 0  
`
	if diff := cmp.Diff(want, printed(t, everyLine(), Options{Format: format(t, text)})); diff != "" {
		t.Error(diff)
	}
	// A terminal obeys nothing of it.
	got := printed(t, everyLine(), Options{Format: format(t, text), Width: columnsOf(80)})
	if strings.Contains(got, "\x00") || !strings.Contains(got, `\x00\xff`) {
		t.Errorf("on a terminal: %q", got)
	}
	got = printed(t, order, Options{Format: format(t, "{{.Body}}"), Width: columnsOf(80)})
	if got != "one\\r\n\ntwo\n\n" {
		t.Errorf("on a terminal: %q", got)
	}
}

func TestFormatErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Metod}}":            "can't evaluate field Metod",
		"{{.Method":             "unclosed action",
		"{{index .Rules 7}}":    "out of range",
		"{{.RequestHeader}}":    "wrong number of args",
		"{{template \"none\"}}": "not defined",
	} {
		if _, err := ParseFormat(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	// What fails on a line ends the run: the output is data.
	o := Options{Format: format(t, "{{index .Rules 0}}"), Location: time.UTC}
	err := Run(t.Context(), new(strings.Builder), []Source{NewStream("test", strings.NewReader(everyLine()))}, o)
	if err == nil || !strings.Contains(err.Error(), "line at byte 99") {
		t.Errorf("error %v", err)
	}
}
