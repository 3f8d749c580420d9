package replay

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

func TestAnswersInOrderOfStart(t *testing.T) {
	// Lines stand in the order in which exchanges ended.
	x := load(t, Options{}, write(t, "off",
		get("/a", "second").at(2000), get("/b", "other").at(1500), get("/a", "first").at(1000), get("/a", "third").at(3000)))
	for _, want := range []string{"first", "second", "third", "third", "third"} {
		if got := asked(t, x, "http://h/a"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := asked(t, x, "http://h/b"); got != "other" {
		t.Errorf("got %s", got)
	}
	if got := asked(t, x, "http://h/c"); got != "501" {
		t.Errorf("got %s for what was not recorded", got)
	}
	if got := asked(t, x, "http://h/a"); got != "third" {
		t.Errorf("after a miss: got %s", got)
	}
	want := Stats{Exchanges: 4, Served: 7, Missed: 1}
	if got := x.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestConcurrentRequestsGetDistinctAnswers(t *testing.T) {
	const n = 50
	var lines []httpLine
	for i := range n {
		lines = append(lines, get("/a", fmt.Sprintf("%02d", i)))
	}
	x := load(t, Options{}, write(t, "off", lines...))
	answers := make([]string, 2*n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = asked(t, x, "http://h/a") })
	}
	wg.Wait()
	slices.Sort(answers)
	for i := range n {
		if want := fmt.Sprintf("%02d", i); answers[i] != want {
			t.Fatalf("answer %d is %s, want %s", i, answers[i], want)
		}
	}
	for _, got := range answers[n:] {
		if got != fmt.Sprint(n-1) {
			t.Errorf("repeated %s, want the last", got)
		}
	}
}

func TestSeveralFilesKeepTheirSequences(t *testing.T) {
	first := write(t, "off", get("/a", "1"), get("/a", "2"))
	second := write(t, "off", get("/a", "3"), get("/b", "b"), get("/a", "4"))
	x := load(t, Options{}, first, second)
	for _, want := range []string{"1", "2", "3", "4", "4"} {
		if got := asked(t, x, "http://h/a"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := asked(t, x, "http://h/b"); got != "b" {
		t.Errorf("got %s", got)
	}
}

func TestAppendedRunComesAfter(t *testing.T) {
	path := write(t, "off", get("/a", "1").at(9000))
	more, err := os.ReadFile(write(t, "off", get("/a", "2").at(10).as(7, "http")))
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, string(more))
	x := load(t, Options{}, path)
	if a, b := asked(t, x, "http://h/a"), asked(t, x, "http://h/a"); a != "1" || b != "2" {
		t.Errorf("got %s, %s", a, b)
	}
}

// TestRunsPutTogetherKeepTheirNumbers loads recordings joined by cat, in which
// exchanges of different runs have the same number.
func TestRunsPutTogetherKeepTheirNumbers(t *testing.T) {
	ended := get("/b", "")
	ended.Response = nil
	path := write(t, "off", get("/a", "1"), ended.as(2, "http.pending"))
	more, err := os.ReadFile(write(t, "off", get("/a", "2"), get("/b", "b")))
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, string(more))
	x := load(t, Options{}, path)
	for _, want := range []string{"/a 1", "/a 2", "/a 2", "/b b"} {
		target, answer, _ := strings.Cut(want, " ")
		if got := asked(t, x, "http://h"+target); got != answer {
			t.Errorf("%s: got %s, want %s", target, got, answer)
		}
	}
	if got := x.Stats(); got.Exchanges != 3 || got.Pending != 1 {
		t.Errorf("stats %+v", got)
	}
}

func TestUnusableLines(t *testing.T) {
	failedLine := get("/failed", "")
	failedLine.Response, failedLine.Error = nil, &failure{"dns", "upstream", "no such host"}
	cut := get("/cut", "half")
	cut.Error = &failure{"reset", "upstream", "connection reset"}
	left := get("/left", "data: 1\n\n")
	left.Error = &failure{"eof", "client", "client left"}
	left.Response.Headers = fields{{"Transfer-Encoding", "chunked"}}
	leftEarly := get("/early", "half")
	leftEarly.Error = left.Error
	leftEarly.Response.Headers = fields{{"Content-Length", "8"}}
	pendingLine := get("/pending", "")
	pendingLine.Response = nil
	ended := pendingLine
	ended.Request.URL = "http://h/ended"
	x := load(t, Options{}, write(t, "off",
		failedLine, cut, left, leftEarly, pendingLine.as(90, "http.pending"), ended.as(91, "http.pending"),
		get("/ended", "done").as(91, "http"),
		get("/corrected", "old").as(92, "http"), get("/corrected", "new").as(92, "http")))
	for target, want := range map[string]string{
		"/failed": "501", "/cut": "501", "/early": "501", "/pending": "501",
		"/left": "data: 1\n\n", "/ended": "done", "/corrected": "new",
	} {
		if got := asked(t, x, "http://h"+target); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	want := Stats{Exchanges: 3, Failed: 3, Pending: 1, Served: 3, Missed: 4}
	if got := x.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestTruncatedBodiesAreMisses(t *testing.T) {
	response := get("/response", "half")
	response.Response.Body.Truncated = true
	request := post("text/plain", text("half"), "ok")
	request.Request.Body.Truncated = true
	x := load(t, Options{}, write(t, "off", response, request))
	if got := asked(t, x, "http://h/response"); got != "501" {
		t.Errorf("got %s", got)
	}
	if got := answerTo(t, x, newRequest(t, "POST", "http://h/", fields{{"Content-Type", "text/plain"}}, "half")); got != "501" {
		t.Errorf("got %s", got)
	}
	if got := x.Stats(); got.Exchanges != 1 || got.Failed != 1 {
		t.Errorf("stats %+v", got)
	}
	misses := x.Misses()
	if want := "recorded answer #1 was recorded truncated"; misses[0].Reason != want {
		t.Errorf("reason %q, want %q", misses[0].Reason, want)
	}
	if want := []string{"body: recorded truncated, got 4 bytes"}; !cmp.Equal(misses[1].Nearest[0].Differs, want) {
		t.Errorf("differs %q, want %q", misses[1].Nearest[0].Differs, want)
	}
}

func TestHeadIsAnsweredByGet(t *testing.T) {
	x := load(t, Options{}, write(t, "off", get("/a", "first"), get("/a", "second")))
	for range 2 {
		resp, body := ask(t, x, newRequest(t, "HEAD", "http://h/a", nil, ""))
		if resp.Status != 200 || body != "" || resp.Header.Get("Content-Length") != "5" {
			t.Errorf("%d %v %q", resp.Status, resp.Header, body)
		}
	}
	if got := asked(t, x, "http://h/a"); got != "first" {
		t.Errorf("HEAD took the turn of GET: got %s", got)
	}
	head := get("/a", "")
	head.Request.Method, head.Response.Body = "HEAD", nil
	head.Response.Headers = fields{{"Content-Length", "99"}}
	x = load(t, Options{}, write(t, "off", get("/a", "first"), head))
	resp, _ := ask(t, x, newRequest(t, "HEAD", "http://h/a", nil, ""))
	if resp.Header.Get("Content-Length") != "99" || resp.Length != 0 || resp.Body != nil {
		t.Errorf("a recorded HEAD was not preferred: %+v", resp)
	}
}

func TestOriginIgnoresPlace(t *testing.T) {
	onHost := func(url, answer string) httpLine {
		l := get("/", answer)
		l.Request.URL = url
		return l
	}
	x := load(t, Options{}, write(t, "off",
		onHost("https://api.example.com/a", "api 1"), onHost("https://cdn.example.com/a", "cdn"),
		onHost("https://api.example.com/a", "api 2"), onHost("https://cdn.example.com/b", "b"),
		onHost("http://127.0.0.1:9100/a", "local")))
	origin := x.Origin()
	if got := asked(t, origin, "http://127.0.0.1:8888/b"); got != "b" {
		t.Errorf("got %s", got)
	}
	if got := asked(t, origin, "http://127.0.0.1:8888/a"); got != "api 1" {
		t.Errorf("the first origin should answer, got %s", got)
	}
	if got := asked(t, origin, "http://127.0.0.1:9100/a"); got != "local" {
		t.Errorf("Host names a recorded origin, got %s", got)
	}
	if got := asked(t, x, "https://api.example.com/a"); got != "api 2" {
		t.Errorf("both ways should share one sequence, got %s", got)
	}
	for host, want := range map[string]bool{"api.example.com": true, "CDN.example.com": true, "127.0.0.1": true, "example.com": false, "api": false} {
		if x.Knows(host) != want {
			t.Errorf("something was recorded of %s: %v", host, !want)
		}
	}
	if got := asked(t, x, "http://127.0.0.1:8888/a"); got != "501" {
		t.Errorf("exact matching ignored the origin, got %s", got)
	}
}

func TestOptionsAsterisk(t *testing.T) {
	l := get("/", "options")
	l.Request.Method, l.Request.URL = "OPTIONS", "http://h*"
	x := load(t, Options{}, write(t, "off", l))
	req := newRequest(t, "OPTIONS", "http://h/", nil, "")
	req.URL.Target = "*"
	if got := answerTo(t, x, req); got != "options" {
		t.Errorf("got %s", got)
	}
}

func TestRedactedRecordingMatchesLiveSecrets(t *testing.T) {
	lines := []httpLine{get("/a?access_token={{redacted:access_token:12345678}}", "a")}
	masked := load(t, Options{}, write(t, "auto", lines...))
	if got := asked(t, masked, "http://h/a?access_token=live"); got != "a" {
		t.Errorf("got %s", got)
	}
	open := load(t, Options{}, write(t, "off", lines...))
	if got := asked(t, open, "http://h/a?access_token=live"); got != "501" {
		t.Errorf("not redacted: got %s", got)
	}
}

func TestDamagedRecordings(t *testing.T) {
	path := write(t, "off", get("/a", "a"), get("/b", "b"))
	torn, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, torn[:len(torn)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	x := load(t, Options{}, path)
	if a, b := asked(t, x, "http://h/a"), asked(t, x, "http://h/b"); a != "a" || b != "501" {
		t.Errorf("torn recording: got %s, %s", a, b)
	}

	newer := filepath.Join(t.TempDir(), "newer.jsonl")
	meta := strings.Replace(metaLine, `"v":1`, `"v":2`, 1)
	if err := os.WriteFile(newer, []byte(meta), 0o600); err != nil {
		t.Fatal(err)
	}
	var version *record.VersionError
	if _, err := Load([]string{path, newer}, Options{}); !errors.As(err, &version) || !strings.Contains(err.Error(), newer) {
		t.Errorf("newer version: %v", err)
	}
	if err := os.WriteFile(newer, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load([]string{newer}, Options{}); !errors.Is(err, record.ErrNotRecording) {
		t.Errorf("not a recording: %v", err)
	}
	if _, err := Load([]string{newer + "x"}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}

func TestEmptyRecording(t *testing.T) {
	x := load(t, Options{}, write(t, "auto"))
	if got := asked(t, x, "http://h/"); got != "501" {
		t.Errorf("got %s", got)
	}
	if got := asked(t, x.Origin(), "http://h/"); got != "501" {
		t.Errorf("origin: got %s", got)
	}
}

func TestRecordingIsNotModified(t *testing.T) {
	path := write(t, "auto", get("/a", "a"))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := load(t, Options{}, path)
	asked(t, x, "http://h/a")
	asked(t, x, "http://h/b")
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the recording changed: %v", err)
	}
}

func TestClientErrorIsAFailure(t *testing.T) {
	x := load(t, Options{}, write(t, "off", get("/a", "a")))
	for _, encoding := range []string{"", "gzip"} {
		req := newRequest(t, "POST", "http://h/", fields{{"Content-Type", "application/json"}, {"Content-Encoding", encoding}}, "x")
		broken := errors.New("connection reset")
		req.Body = readCloser{func([]byte) (int, error) { return 0, broken }}
		_, err := x.RoundTrip(t.Context(), req)
		var f *traffic.Failure
		if !errors.As(err, &f) || f.Side != traffic.SideClient || !errors.Is(err, broken) {
			t.Errorf("%q: %v", encoding, err)
		}
	}
	if x.Stats().Missed != 0 {
		t.Error("a request that could not be read counts as a miss")
	}
}

func TestExpectContinue(t *testing.T) {
	x := load(t, Options{}, write(t, "off", post("text/plain", text("hi"), "ok")))
	req := newRequest(t, "POST", "http://h/", fields{{"Content-Type", "text/plain"}, {"Expect", "100-continue"}}, "hi")
	var early []int
	req.Informational = func(r *traffic.Response) error {
		early = append(early, r.Status)
		return nil
	}
	if got := answerTo(t, x, req); got != "ok" || !cmp.Equal(early, []int{100}) {
		t.Errorf("got %s after %v", got, early)
	}
}

type readCloser struct{ read func([]byte) (int, error) }

func (r readCloser) Read(p []byte) (int, error) { return r.read(p) }
func (r readCloser) Close() error               { return nil }

func appendTo(t testing.TB, path, s string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(s); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
