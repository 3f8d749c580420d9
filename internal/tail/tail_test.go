package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
)

// chat is the recording of a conversation as users look at it.
const chat = "../../testdata/recordings/chat.jsonl"

const metaLine = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"at":"2026-11-20T23:44:03.000000Z","us":0}` + "\n"

// printed returns what a recording looks like in UTC.
func printed(t testing.TB, recording string, o Options) string {
	t.Helper()
	if o.Warn == nil {
		o.Warn = func(text string) { t.Errorf("warning: %s", text) }
	}
	return run(t, o, NewStream("test", strings.NewReader(recording)))
}

// run returns what sources look like in UTC.
func run(t testing.TB, o Options, sources ...Source) string {
	t.Helper()
	o.Location = time.UTC
	var out bytes.Buffer
	if err := Run(t.Context(), &out, sources, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// filtered returns options with a filter.
func filtered(t testing.TB, expr string) Options {
	t.Helper()
	f, err := filter.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Filter: f}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// at returns the members that say when a line was, in milliseconds.
func at(ms int) string {
	stamp := time.Date(2026, 11, 20, 23, 44, 3, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	return fmt.Sprintf(`"at":"%s","us":%d`, stamp.Format("2006-01-02T15:04:05.000000Z"), ms*1000)
}

// opened, framed and closed return lines of a conversation.
func opened(id int, url string) string {
	return fmt.Sprintf(`{"type":"ws.open","seq":2,"id":%d,"conn":1,%s,"request":{"method":"GET","url":%q},"response":{"status":101}}`+"\n",
		id, at(0), url)
}

func framed(id, ms int, members string) string {
	return fmt.Sprintf(`{"type":"ws.frame","seq":3,"id":%d,"n":1,%s,%s}`+"\n", id, at(ms), members)
}

func closed(id, ms int, members string) string {
	return fmt.Sprintf(`{"type":"ws.close","seq":4,"id":%d,%s,%s}`+"\n", id, at(ms), members)
}

// line returns the one line that a frame is printed as, without its time.
func line(t testing.TB, members string, o Options) string {
	t.Helper()
	text := printed(t, metaLine+framed(1, 0, members), o)
	return strings.TrimSuffix(strings.TrimPrefix(text, "[23:44:03.000]  "), "\n")
}

func TestAConversation(t *testing.T) {
	want := `[10:29:59.500]  GET      200       21 B    42.1ms  https://chat.example.com/rooms
[10:29:59.900]  GET      101          -         -  wss://chat.example.com/rooms/general  (#2, subprotocol chat.v1)
[10:30:00.123]  -->  {"type": "join", "room": "general"}
[10:30:00.456]  <--  {"type": "joined", "room": "general", "users": 12}
[10:30:05.789]  -->  {"type": "message", "text": "Hello everyone!"}
[10:30:05.891]  <--  {"type": "message", "from": "user42", "text": "Hello everyone!"}
[10:30:10.234]  <--  {"type": "message", "from": "user7", "text": "Welcome!"}
[10:30:15.000]  -->  PING
[10:30:15.023]  <--  PONG
[10:30:17.000]  <--  BINARY 32 B, PNG
[10:30:18.000]  -->  {"type": "message", "te  (fragment)
[10:30:18.002]  -->  xt": "Bye!"}  (last fragment)
[10:30:19.000]  -->  CLOSE 1000 Normal closure: bye
[10:30:19.021]  <--  CLOSE 1000 Normal closure: bye
[10:30:19.025]  ---  closed by client: 1000 Normal closure: bye  (6 -->, 6 <--, 19.12s)
`
	if diff := cmp.Diff(want, printed(t, read(t, chat), Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestFrames(t *testing.T) {
	const up, down = `"dir":"client-to-server",`, `"dir":"server-to-client",`
	for name, c := range map[string]struct{ members, want string }{
		"empty text":           {up + `"opcode":1,"fin":true,"length":0,"text":""`, `-->  `},
		"text over lines":      {up + `"opcode":1,"fin":true,"length":3,"text":"a\nb"`, `-->  a\nb`},
		"not UTF-8":            {up + `"opcode":1,"fin":true,"length":1,"base64":"/w=="`, `-->  \xff`},
		"ping with text":       {down + `"opcode":9,"fin":true,"length":2,"text":"hi"`, `<--  PING hi`},
		"pong with bytes":      {down + `"opcode":10,"fin":true,"length":2,"base64":"AP8="`, `<--  PONG 0x00ff`},
		"close without a code": {down + `"opcode":8,"fin":true,"length":0,"text":""`, `<--  CLOSE`},
		"close by the app":     {down + `"opcode":8,"fin":true,"length":2,"base64":"D6E="`, `<--  CLOSE 4001 Private to the application`},
		"reserved opcode":      {up + `"opcode":11,"fin":true,"length":2,"base64":"AP8="`, `-->  OPCODE 0xb 2 B`},
		"compressed": {
			up + `"opcode":1,"fin":true,"rsv":4,"length":2,"base64":"AP8=","anomalies":["compressed content cannot be inflated"]`,
			`-->  TEXT 2 B, compressed  (compressed content cannot be inflated)`,
		},
		"by rules": {
			up + `"opcode":1,"fin":true,"length":1,"text":"a","injected":true,"dropped":true,"edited":true`,
			`-->  a  (injected, dropped, edited)`,
		},
		"truncated": {
			up + `"opcode":2,"fin":true,"length":5000,"size":5000,"base64":"iVBORw0KGgo=","truncated":true`,
			`-->  BINARY 4.9 KiB, PNG  (cut, 4.9 KiB in all)`,
		},
		"in a folder that is not at hand": {
			up + `"opcode":1,"fin":true,"length":5000,"file":"ab"`,
			`-->  TEXT 4.9 KiB  (its content is in the folder beside the recording)`,
		},
		"binary continuation": {up + `"opcode":0,"fin":false,"length":2,"base64":"AP8="`, `-->  CONTINUATION 2 B  (fragment)`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := line(t, c.members, Options{}); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What a terminal would obey is never printed, wherever it comes from.
func TestWhatCouldMoveATerminalIsEscaped(t *testing.T) {
	const evil = `\u001b[2J\u0007\u009b1m\u202e\u2066\u2028\r\n\u007f`
	recording := metaLine +
		`{"type":"http","seq":2,"id":1,"conn":1,` + at(0) + `,"request":{"method":"G` + evil + `","url":"http://a/` + evil + `"},` +
		`"error":{"kind":"x","side":"y","text":"` + evil + `"},"ms":1}` + "\n" +
		opened(2, "ws://a/") + framed(2, 1, `"opcode":1,"fin":true,"length":9,"text":"`+evil+`"`) +
		framed(2, 1, `"opcode":9,"fin":true,"length":9,"text":"`+evil+`"`) +
		framed(2, 1, `"opcode":8,"fin":true,"length":9,"text":"ab`+evil+`","anomalies":["`+evil+`"]`) +
		closed(2, 1, `"code":1000,"reason":"`+evil+`","by":"`+evil+`","cause":"`+evil+`"`) +
		`{"type":"tls","seq":2,"conn":1,` + at(0) + `,"client":"` + evil + `","failure":"` + evil + `","sni":"` + evil + `"}` + "\n" +
		`{"type":"tunnel","seq":2,"conn":1,` + at(0) + `,"target":"` + evil + `"}` + "\n"
	for _, o := range []Options{{}, {Pretty: true}, {Hex: true}, {Width: columnsOf(200)}} {
		got := printed(t, recording, o)
		for _, r := range got {
			if r != '\n' && (r < ' ' || isUnsafe(r) || r == 0x7f) {
				t.Fatalf("%U is printed in %q", r, got)
			}
		}
		if lines := strings.Count(got, "\n"); lines != 8 {
			t.Errorf("%d lines:\n%s", lines, got)
		}
	}
	if got, want := Safe("\x1b[1m\xff\u202e\\é🎉\t"), `\x1b[1m\xff\u202e\é🎉\t`; got != want {
		t.Errorf("got %s", got)
	}
}

// TestFailedTunnel says why there was none.
func TestFailedTunnel(t *testing.T) {
	recording := metaLine + `{"type":"tunnel","seq":2,"conn":1,` + at(0) + `,"target":"a:443","bytesUp":0,"bytesDown":0,` +
		`"error":{"kind":"connect","side":"upstream","text":"connection refused"},"ms":1.0}` + "\n"
	got := printed(t, recording, Options{})
	if !strings.Contains(got, " ERR ") || !strings.Contains(got, "a:443  (0 B up, 0 B down, connect, upstream: connection refused)") {
		t.Errorf("got %s", got)
	}
}

func TestPretty(t *testing.T) {
	const members = `"dir":"client-to-server","fin":true,"length":9,"text":"{\"b\":1,\"a\":[]}"`
	want := "-->  {\n      \"b\": 1,\n      \"a\": []\n    }"
	if got := line(t, `"opcode":1,`+members, Options{Pretty: true}); got != want {
		t.Errorf("got %s", got)
	}
	want = "-->  BINARY 9 B, JSON: {\n      \"b\": 1,\n      \"a\": []\n    }"
	if got := line(t, `"opcode":2,`+members, Options{Pretty: true}); got != want {
		t.Errorf("got %s", got)
	}
	if got := line(t, `"opcode":1,"fin":true,"length":3,"text":"{no"`, Options{Pretty: true}); got != "-->  {no" {
		t.Errorf("got %s", got)
	}
}

func TestHex(t *testing.T) {
	o := filtered(t, "opcode:binary")
	o.Hex = true
	got := printed(t, read(t, chat), o)
	want := `[10:30:17.000]  <--  BINARY 32 B, PNG
00000000  89 50 4e 47 0d 0a 1a 0a  00 00 00 0d 49 48 44 52  |.PNG........IHDR|
00000010  00 00 00 40 00 00 00 40  08 06 00 00 00 aa 69 71  |...@...@......iq|
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeveralConnectionsAreToldApart(t *testing.T) {
	const hello = `"dir":"client-to-server","opcode":1,"fin":true,"length":2,"text":"hi"`
	got := printed(t, metaLine+opened(1, "ws://a/")+framed(1, 1, hello)+opened(2, "ws://b/")+framed(2, 2, hello)+
		closed(2, 3, `"code":1006,"reason":"","by":"server","cause":"reset","ms":61000`)+framed(1, 4, hello), Options{})
	want := `[23:44:03.000]  GET      101          -         -  ws://a/  (#1)
[23:44:03.001]  -->  hi
[23:44:03.000]  GET      101          -         -  ws://b/  (#2)
[23:44:03.002]  #2  -->  hi
[23:44:03.003]  #2  ---  closed by server: 1006 Abnormal closure (no close frame received)  (reset, 0 -->, 0 <--, 1m1s)
[23:44:03.004]  -->  hi
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPending(t *testing.T) {
	pending := func(id, ms int) string {
		return fmt.Sprintf(`{"type":"http.pending","seq":2,"id":%d,"conn":1,%s,"request":{"method":"GET","url":"http://a/%d"}}`+"\n", id, at(ms), id)
	}
	done := `{"type":"http","seq":3,"id":1,"conn":1,` + at(0) + `,"request":{"method":"GET","url":"http://a/1"},"response":{"status":204},"ms":1000}` + "\n"
	recording := metaLine + pending(3, 30) + pending(1, 0) + pending(2, 20) + done + pending(4, 40) + opened(4, "ws://a/")
	const (
		ended   = "[23:44:03.000]  GET      204          -     1.00s  http://a/1\n"
		upgrade = "[23:44:03.000]  GET      101          -         -  ws://a/  (#4)\n"
		waiting = "[23:44:03.0%d0]  GET      ...          -         -  http://a/%d  (not ended)\n"
	)
	want := ended + upgrade + fmt.Sprintf(waiting+waiting, 2, 2, 3, 3)
	if diff := cmp.Diff(want, printed(t, recording, Options{})); diff != "" {
		t.Error(diff)
	}
	live := fmt.Sprintf(waiting+waiting+waiting, 3, 3, 0, 1, 2, 2) + ended + fmt.Sprintf(waiting, 4, 4) + upgrade
	if diff := cmp.Diff(live, printed(t, recording, Options{Follow: true})); diff != "" {
		t.Error(diff)
	}
}

func TestColours(t *testing.T) {
	got := line(t, `"dir":"client-to-server","opcode":1,"fin":true,"length":1,"text":"a"`, Options{Color: true})
	if !strings.Contains(got, "\x1b[36m-->\x1b[") {
		t.Errorf("got %q", got)
	}
}

// beside is a recording whose folder has one content for all names.
type beside struct {
	Source
	content string
	err     error
}

func (b beside) OpenBody(*record.EntryBody) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(b.content)), b.err
}

func TestContentBesideTheRecording(t *testing.T) {
	recording := metaLine + framed(1, 0, `"dir":"server-to-client","opcode":1,"fin":true,"length":5,"file":"ab"`)
	for want, source := range map[string]beside{
		"<--  hello\n":                           {content: "hello"},
		"<--  TEXT 5 B  (file does not exist)\n": {err: os.ErrNotExist},
	} {
		source.Source = NewStream("test", strings.NewReader(recording))
		if got := run(t, Options{}, source); got != "[23:44:03.000]  "+want {
			t.Errorf("got %s", got)
		}
		source.Source = NewStream("test", strings.NewReader(recording))
		o := filtered(t, "frame:hell")
		o.Warn = func(string) {}
		if got := run(t, o, source); (got != "") != (source.err == nil) {
			t.Errorf("a filter on content prints %q", got)
		}
	}
}

// broken is a writer that nobody reads from.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestErrors(t *testing.T) {
	if err := Run(t.Context(), broken{}, []Source{NewFile(chat, false)}, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error of the writer: %v", err)
	}
	absent := NewFile(filepath.Join(t.TempDir(), "none.jsonl"), false)
	if err := Run(t.Context(), io.Discard, []Source{absent, NewFile(chat, false)}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error of a source: %v", err)
	}
	other := NewStream("test", strings.NewReader("To do: milk\n"))
	if err := Run(t.Context(), io.Discard, []Source{other}, Options{}); !errors.Is(err, record.ErrNotRecording) {
		t.Errorf("error of what is no recording: %v", err)
	}
}

// What cannot be understood does not hide what can.
func TestLinesThatCannotBeUnderstoodAreLeftOut(t *testing.T) {
	for _, bad := range []string{
		`{"type":"http","seq":2,"id":1}`, `{"type":"http.pending","seq":2,"id":1,"at":1}`, `{"type":"ws.open","seq":2,"id":1}`,
		`{"type":"ws.frame","seq":2,"id":1,"opcode":99}`, `{"type":"ws.close","seq":2,"id":1,"at":1}`,
	} {
		recording := metaLine + bad + "\n" + framed(9, 0, `"dir":"client-to-server","opcode":9,"fin":true,"length":0,"text":""`)
		for _, o := range []Options{{}, filtered(t, "ws"), {Last: new(5)}, {Stats: true}} {
			var warnings []string
			o.Warn = func(text string) { warnings = append(warnings, text) }
			got := printed(t, recording, o)
			if !o.Stats && !strings.HasSuffix(got, "-->  PING\n") {
				t.Errorf("%s: printed %q", bad, got)
			}
			if o.Stats && !strings.Contains(bad, `"http"`) && !strings.Contains(bad, "frame") {
				continue // what is only counted is not looked at
			}
			if len(warnings) == 0 || !strings.Contains(warnings[0], "the line at byte 99 is left out") {
				t.Errorf("%s: warnings %q", bad, warnings)
			}
		}
	}
}

func TestLinesNestedTooDeepAreLeftOut(t *testing.T) {
	deep := strings.Repeat("[", 10<<20)
	recording := metaLine +
		`{"type":"http","seq":2,"id":1,"conn":1,"request":` + deep + "\n" +
		`{"type":"ws.frame","seq":3,"id":2,"n":1,"text":` + deep + "\n"
	var warnings []string
	o := Options{Warn: func(text string) { warnings = append(warnings, text) }}
	if got := printed(t, recording, o); got != "" || len(warnings) != 2 {
		t.Errorf("printed %.200q, warnings %.200q", got, warnings)
	}
}
