package har_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

var nan, inf = math.NaN(), math.Inf(1)

// document is what the tests look at with a JSON decoder that is not ours.
type document struct {
	Log struct {
		Version, Comment string
		Creator          struct{ Name, Version string }
		Pages            []any
		Entries          []map[string]any
		Necto            any `json:"_necto"`
	}
}

func decode(t *testing.T, content []byte) document {
	t.Helper()
	var d document
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("%v in %.500q", err, content)
	}
	if d.Log.Pages == nil || d.Log.Entries == nil {
		t.Fatal("pages or entries are missing")
	}
	return d
}

// written returns what a stream of the entries has.
func written(t *testing.T, entries ...*har.Entry) document {
	t.Helper()
	return decode(t, stream(t, entries...))
}

func TestWriteMembers(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			e := written(t, s.entry).Log.Entries[0]
			content := e["response"].(map[string]any)["content"].(map[string]any)
			if body := s.entry.Response.Content.Body; body.Present() {
				checkText(t, body, content, "text", "encoding")
			} else if _, ok := content["text"]; ok {
				t.Error("there is text where there is no content")
			}
			if post := s.entry.Request.PostData; post != nil {
				checkText(t, post.Body, e["request"].(map[string]any)["postData"].(map[string]any), "text", "encoding")
			}
		})
	}
}

// checkText compares content with what an object says it is.
func checkText(t *testing.T, want har.Body, object map[string]any, text, encoding string) {
	t.Helper()
	r, err := want.Open()
	if err != nil {
		t.Fatal(err)
	}
	wantBytes, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	got := []byte(object[text].(string))
	if object[encoding] == "base64" {
		if got, err = base64.StdEncoding.DecodeString(string(got)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, wantBytes) {
		t.Errorf("%d bytes became %d others", len(wantBytes), len(got))
	}
}

func TestWriteGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	w, err := har.Create(path, har.Options{Version: "0.0.0-test", Comment: "every kind of entry"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples() {
		if strings.HasPrefix(s.name, "long ") {
			continue
		}
		if err := w.Write(s.entry); err != nil {
			t.Fatal(err)
		}
	}
	w.SetNecto(json.RawMessage(`{"v":1}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, path)
	decode(t, got)
	golden := filepath.Join("..", "testdata", "har", "every-kind.har")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, golden)), string(got)); diff != "" {
		t.Errorf("differs from %s: %s", golden, diff)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestZeroEntryIsWhole(t *testing.T) {
	e := written(t, new(har.Entry)).Log.Entries[0]
	for _, name := range []string{"startedDateTime", "time", "request", "response", "cache", "timings"} {
		if e[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFileIsValidAfterEveryEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	w, err := har.Create(path, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(n int, necto string) {
		t.Helper()
		d := decode(t, readFile(t, path))
		if len(d.Log.Entries) != n {
			t.Errorf("the file has %d entries, want %d", len(d.Log.Entries), n)
		}
		if got, _ := d.Log.Necto.(string); got != necto {
			t.Errorf("_necto is %.20q, want %.20q", got, necto)
		}
	}
	check(0, "")
	for i, s := range samples() {
		if err := w.Write(s.entry); err != nil {
			t.Fatal(err)
		}
		check(i+1, "")
	}
	n := len(samples())
	long := strings.Repeat("long", 1000)
	w.SetNecto(json.RawMessage(`"` + long + `"`))
	if err := w.Write(sampleOf("GET", "http://example.test/", 200, "", nil)); err != nil {
		t.Fatal(err)
	}
	check(n+1, long)
	w.SetNecto(json.RawMessage(`"short"`)) // shorter than what is in the file by more than an entry
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	check(n+1, "short")
}

func TestFileIsForItsOwner(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	path := filepath.Join(t.TempDir(), "run.har")
	if err := os.WriteFile(path, []byte("something longer than a HAR without entries"+strings.Repeat(".", 1000)), 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := har.Create(path, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	decode(t, readFile(t, path))
}

func TestCreateSaysWhyNot(t *testing.T) {
	_, err := har.Create(filepath.Join(t.TempDir(), "none", "run.har"), har.Options{})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestProfileHTTPOnlyLeavesSocketsOut(t *testing.T) {
	var out bytes.Buffer
	w, err := har.NewWriter(&out, har.Options{Profile: har.ProfileHTTPOnly})
	if err != nil {
		t.Fatal(err)
	}
	refused := sampleOf("GET", "wss://example.test/ws", 403, "", nil)
	for _, e := range []*har.Entry{conversation(), refused, conversation()} {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := w.Skipped(); got != 2 {
		t.Errorf("%d entries were left out, want 2", got)
	}
	if got := len(decode(t, out.Bytes()).Log.Entries); got != 1 {
		t.Errorf("%d entries were written, want 1", got)
	}
}

func TestMessages(t *testing.T) {
	e := written(t, conversation()).Log.Entries[0]
	want := []map[string]any{
		{"type": "send", "time": json.Number("1795218243.132877"), "opcode": json.Number("1"), "data": `{"say":"hello"}`},
		{"type": "receive", "time": json.Number("1795218243.133877"), "opcode": json.Number("2"), "data": "AAH/", "_fragments": json.Number("3")},
		{"type": "receive", "time": json.Number("1795218243.134877"), "opcode": json.Number("1"), "data": "bm90IP8gVVRGLTg=", "_encoding": "base64"},
		{"type": "receive", "time": json.Number("1795218243.135877"), "opcode": json.Number("9"), "data": ""},
		{
			"type": "send", "time": json.Number("1795218243.136877"), "opcode": json.Number("8"), "data": "A+hieWU=",
			"_close": map[string]any{"code": json.Number("1000"), "reason": "bye"}, "_necto": map[string]any{"n": json.Number("5")},
		},
	}
	var got []map[string]any
	for _, m := range e["_webSocketMessages"].([]any) {
		got = append(got, m.(map[string]any))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantClose := map[string]any{"code": json.Number("1000"), "reason": "bye", "timestamp": json.Number("1795218243.137877")}
	if diff := cmp.Diff(wantClose, e["_webSocketClose"]); diff != "" {
		t.Error(diff)
	}
}

func TestConnectionWithoutMessages(t *testing.T) {
	e := conversation()
	e.WebSocketMessages = har.Messages(nil)
	got := written(t, e).Log.Entries[0]["_webSocketMessages"]
	if diff := cmp.Diff([]any{}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNumbersAndAddressesStayValid(t *testing.T) {
	e := sampleOf("GET", "http://example.test/", 200, "", nil)
	e.Time, e.Timings.Send, e.Timings.Connect, e.Timings.Receive = nan, -1, nan, inf
	for address, want := range map[string]any{
		"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "fe80::1%eth0": "fe80::1",
		"[::1]": nil, "localhost": nil, "": nil,
	} {
		e.ServerIPAddress = address
		got := written(t, e).Log.Entries[0]
		if got["serverIPAddress"] != want {
			t.Errorf("%s: got %v", address, got["serverIPAddress"])
		}
		timings := got["timings"].(map[string]any)
		if got["time"] != json.Number("0") || timings["send"] != json.Number("0") ||
			timings["connect"] != json.Number("-1") || timings["receive"] != json.Number("0") {
			t.Errorf("got %v and %v", got["time"], timings)
		}
	}
}

func TestStringsThatAreNotUTF8AreLatin1(t *testing.T) {
	e := sampleOf("GET", "http://example.test/", 200, "", nil)
	e.Response.StatusText = "\x00\"\\\n\r\té\u2028"
	e.Comment = "\xff\"\x01é"
	got := written(t, e).Log.Entries[0]
	if text := got["response"].(map[string]any)["statusText"]; text != e.Response.StatusText {
		t.Errorf("got %q", text)
	}
	if got["comment"] != "ÿ\"\x01Ã©" {
		t.Errorf("got %q", got["comment"])
	}
}

func TestContentOfAnyLengthIsWhole(t *testing.T) {
	const chunk = 3 << 14
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk - 2, 24 * chunk} {
		for name, content := range map[string][]byte{
			"text":       bytes.Repeat([]byte("a"), size),
			"long runes": bytes.Repeat([]byte("🙂"), size/4),
			"shifted":    append([]byte("a"), bytes.Repeat([]byte("漢"), size/3)...),
			"binary":     append(bytes.Repeat([]byte("a"), size), 0xf0),
			"cut rune":   append(bytes.Repeat([]byte("🙂"), size/4), "\xf0\x9f\x99"...),
		} {
			for kind, body := range map[string]har.Body{
				"data":          {Data: content},
				"source":        {Source: open(content)},
				"binary source": {Source: open(content), Base64: true},
			} {
				e := sampleOf("GET", "http://example.test/", 200, "", nil)
				e.Response.Content.Body = body
				got := written(t, e).Log.Entries[0]["response"].(map[string]any)["content"].(map[string]any)
				checkText(t, har.Body{Data: content}, got, "text", "encoding")
				if t.Failed() {
					t.Fatalf("%d bytes of %s from %s", size, name, kind)
				}
			}
		}
	}
}

func TestLongConversation(t *testing.T) {
	const n = 100_000
	e := conversation()
	e.WebSocketMessages = manyMessages(n)
	all := written(t, e).Log.Entries[0]["_webSocketMessages"].([]any)
	if len(all) != n || all[n-1].(map[string]any)["data"] != "message 99999" {
		t.Errorf("%d messages came, want %d", len(all), n)
	}
}

func FuzzWriteIsJSON(f *testing.F) {
	f.Add("https://example.test/\xff", "name\n", []byte("text"), uint8(1), 1.5)
	f.Fuzz(func(t *testing.T, url, name string, content []byte, opcode uint8, ms float64) {
		e := sampleOf("GET", url, 101, name, content)
		e.Time, e.Timings.DNS = ms, ms
		e.Response.Headers = []har.Pair{{Name: name, Value: url, Comment: name}}
		e.WebSocketMessages = har.Messages([]har.Message{{Time: began, Opcode: traffic.Opcode(opcode), Body: har.Body{Data: content}}})
		got := written(t, e).Log.Entries[0]
		checkText(t, har.Body{Data: content}, got["response"].(map[string]any)["content"].(map[string]any), "text", "encoding")
		message := got["_webSocketMessages"].([]any)[0].(map[string]any)
		if opcode != uint8(traffic.OpText) {
			message["_encoding"] = "base64" // which it always is
		}
		checkText(t, har.Body{Data: content}, message, "data", "_encoding")
	})
}
