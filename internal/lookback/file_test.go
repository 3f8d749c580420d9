package lookback_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/lookback"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// newExchange returns an exchange that has ended.
func newExchange(t *testing.T, id traffic.ExchangeID, content string) *traffic.Exchange {
	t.Helper()
	u, err := traffic.ParseURL("http://a.test/" + strings.Repeat("x", int(id)))
	if err != nil {
		t.Fatal(err)
	}
	return &traffic.Exchange{
		ID: id, Conn: 1, Started: time.Now(), Client: "127.0.0.1:50312", Duration: time.Millisecond,
		Request:  &traffic.Request{Method: "GET", Target: u.Target, URL: u, Proto: "HTTP/1.1"},
		Response: &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1"}, ResponseBody: traffic.BodyOf([]byte(content)),
	}
}

// done records exchanges of these numbers.
func done(t *testing.T, w *record.Writer, ids ...traffic.ExchangeID) {
	t.Helper()
	for _, id := range ids {
		x := newExchange(t, id, "content")
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
	}
}

// begin begins a recording, which is closed when the test ends.
func begin(t *testing.T, path string, o record.Options) *record.Writer {
	t.Helper()
	w, err := record.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// open looks back on a recording until the test ends.
func open(t *testing.T, path, session string) *lookback.File {
	t.Helper()
	f := lookback.Open(path, session)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// numbers returns the numbers that are found, the highest first.
func numbers(t *testing.T, f *lookback.File) []traffic.ExchangeID {
	t.Helper()
	var all []traffic.ExchangeID
	for below := traffic.ExchangeID(1 << 62); ; {
		id, there, err := f.Below(below)
		if err != nil {
			t.Fatal(err)
		}
		if !there {
			return all
		}
		all = append(all, id)
		below = id
	}
}

// await waits until as many exchanges are found.
func await(t *testing.T, f *lookback.File, want ...traffic.ExchangeID) {
	t.Helper()
	var got []traffic.ExchangeID
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got = numbers(t, f); len(got) == len(want) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("exchanges (-want +got):\n%s", diff)
	}
}

func TestRecordingThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w := begin(t, path, record.Options{Session: "01KAHQ2V7M6Q9Z4B8N3T5R1XCD"})
	f := open(t, path, "01KAHQ2V7M6Q9Z4B8N3T5R1XCD")
	await(t, f)
	done(t, w, 2, 1)
	await(t, f, 2, 1)
	done(t, w, 4)
	await(t, f, 4, 2, 1)
	x, closed, err := f.Exchange(4)
	if err != nil || closed != nil {
		t.Fatal(x, closed, err)
	}
	defer x.ReleaseBodies()
	content, err := io.ReadAll(x.ResponseBody.Open())
	if err != nil || x.ID != 4 || x.Request.URL.String() != "http://a.test/xxxx" || string(content) != "content" {
		t.Errorf("got %d %v %q, %v", x.ID, x.Request.URL, content, err)
	}
	if x, _, err := f.Exchange(3); x != nil || err != nil {
		t.Errorf("an exchange that is not there: %v, %v", x, err)
	}
}

func TestContentInSidecars(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w := begin(t, path, record.Options{Session: "a"})
	long := strings.Repeat("long ", 1<<16)
	x := newExchange(t, 1, long)
	w.Observe(traffic.ExchangeDone{Exchange: x})
	f := open(t, path, "a")
	await(t, f, 1)
	got, _, err := f.Exchange(1)
	if err != nil {
		t.Fatal(err)
	}
	defer got.ReleaseBodies()
	if content, err := io.ReadAll(got.ResponseBody.Open()); err != nil || string(content) != long {
		t.Errorf("got %d bytes, %v", len(content), err)
	}
}

// TestRunsThatWereAppended finds only what the run has written, by its own numbers.
func TestRunsThatWereAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	for _, session := range []string{"first", "second", "third"} {
		w, err := record.Create(path, record.Options{Session: session, Append: true})
		if err != nil {
			t.Fatal(err)
		}
		done(t, w, 1, 2, 5)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, session := range []string{"first", "second", "third"} {
		await(t, open(t, path, session), 5, 2, 1)
	}
	await(t, open(t, path, ""), 15, 12, 11, 10, 7, 6, 5, 2, 1)
	await(t, open(t, path, "another"))
}

// TestRunsOfTheSameNumbers counts on, as a replay.Player does.
func TestRunsOfTheSameNumbers(t *testing.T) {
	dir := t.TempDir()
	var all []byte
	for _, ids := range [][]traffic.ExchangeID{{1, 3}, {5, 2}} {
		path := filepath.Join(dir, "one.jsonl")
		w, err := record.Create(path, record.Options{Force: true})
		if err != nil {
			t.Fatal(err)
		}
		done(t, w, ids...)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	path := filepath.Join(dir, "both.jsonl")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, open(t, path, ""), 8, 5, 3, 1)
}

// TestClosesOfTheSameNumbers counts on where connections have ended already: one gets
// the number that another had.
func TestClosesOfTheSameNumbers(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "a.jsonl"), filepath.Join(t.TempDir(), "b.jsonl")
	w := begin(t, first, record.Options{})
	done(t, w, 4)
	w = begin(t, second, record.Options{})
	for _, id := range []traffic.ExchangeID{5, 9} {
		x := openSocket(t, w, id, "a")
		w.Observe(traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{Code: 4000 + int(id), By: traffic.SideClient}})
	}
	done(t, w, 3)
	await(t, open(t, first, ""), 4)
	await(t, open(t, second, ""), 9, 5, 3)
	path := filepath.Join(t.TempDir(), "both.jsonl")
	var all []byte
	for _, one := range []string{first, second} {
		text, err := os.ReadFile(one)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path, "")
	await(t, f, 13, 9, 7, 4)
	for id, code := range map[traffic.ExchangeID]int{9: 4005, 13: 4009} {
		if _, closed, err := f.Exchange(id); err != nil || closed == nil || closed.Close.Code != code {
			t.Errorf("the end of %d: %+v, %v", id, closed, err)
		}
	}
}

// openSocket records a connection with frames of one letter each.
func openSocket(t *testing.T, w *record.Writer, id traffic.ExchangeID, letters string) *traffic.Exchange {
	t.Helper()
	x := newExchange(t, id, "")
	x.Response.Status, x.ResponseBody, x.WS = 101, nil, new(traffic.WebSocket)
	w.Observe(traffic.RequestStarted{Exchange: x})
	w.Observe(traffic.WSOpened{Exchange: x})
	for n := range len(letters) {
		w.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
			Exchange: x, Seq: uint64(n + 1), Opcode: traffic.OpText, Fin: true, Payload: []byte(letters[n : n+1]), //nolint:gosec // counted from 0
			Length: 1, Size: 1, First: time.Now(), Last: time.Now(),
		}})
	}
	return x
}

// letters returns what the frames behind a number say, at most so many.
func letters(t *testing.T, f *lookback.File, x *traffic.Exchange, after uint64, most int) string {
	t.Helper()
	var said strings.Builder
	err := f.Frames(x, after, func(frame *traffic.Frame) bool {
		said.Write(frame.Payload)
		return said.Len() < most
	})
	if err != nil {
		t.Fatal(err)
	}
	return said.String()
}

func TestConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	earlier, err := record.Create(path, record.Options{Session: "earlier"})
	if err != nil {
		t.Fatal(err)
	}
	done(t, earlier, 7)
	if err := earlier.Close(); err != nil {
		t.Fatal(err)
	}
	w := begin(t, path, record.Options{Session: "a", Append: true})
	one := openSocket(t, w, 1, "abcde")
	two := openSocket(t, w, 2, "xyz")
	w.Observe(traffic.WSClosed{Exchange: one, Close: &traffic.WSClose{Code: 1001, By: traffic.SideClient}})
	done(t, w, 3)
	f := open(t, path, "a")
	await(t, f, 3, 2, 1)
	x, closed, err := f.Exchange(1)
	if err != nil || x.WS == nil || closed == nil || closed.Close.Code != 1001 {
		t.Errorf("a connection that was closed: %+v, %+v, %v", x, closed, err)
	}
	if _, closed, err = f.Exchange(2); closed != nil || err != nil {
		t.Errorf("a connection that is open: %+v, %v", closed, err)
	}
	got := []string{letters(t, f, one, 0, 9), letters(t, f, one, 2, 2), letters(t, f, two, 0, 9), letters(t, f, newExchange(t, 9, ""), 0, 9)}
	if diff := cmp.Diff([]string{"abcde", "cd", "xyz", ""}, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	f := lookback.Open(filepath.Join(t.TempDir(), "none.jsonl"), "")
	if _, there, err := f.Below(9); there || err != nil {
		t.Errorf("got %v, %v", there, err)
	}
	if x, _, err := f.Exchange(1); x != nil || err != nil {
		t.Errorf("got %v, %v", x, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Below(9); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
