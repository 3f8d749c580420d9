package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// redis controls a redis-server: "redis start NAME [config...]" sets NAME to
// host:port, "redis stop NAME" ends it, and "redis again NAME" starts it where it
// was.
func (s *scripts) redis(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: redis start|stop|again NAME")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := ts.MkAbs(args[1])
	if args[0] == "start" {
		ts.Check(os.Mkdir(name, 0o700))
		server, err := nectest.StartRedis(name, args[2:]...)
		ts.Check(err)
		ts.Defer(server.Stop)
		ts.Setenv(args[1], server.Addr)
		s.servers[name] = server
		return
	}
	server := s.servers[name]
	if server == nil {
		ts.Fatalf("no redis %s", args[1])
	}
	if server.Stop(); args[0] == "again" {
		ts.Check(server.Start())
	}
}

// However the lines of several recorders come, and though Redis is away meanwhile,
// a stream converts to what the files convert to.
func TestAStreamConvertsAsItsFiles(t *testing.T) {
	for seed := range uint64(5) {
		server := nectest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // so that a failure can be had again
		address := "redis://" + server.Addr + "/ci"
		var feeds []*feed
		var paths []string
		for range 1 + random.IntN(4) {
			path := randomRecording(t, random)
			f := newFeed(t, path, address)
			f.send(t, 1)
			f.wait(t) // files are merged in the order in which recorders came first
			feeds, paths = append(feeds, f), append(paths, path)
		}
		server.Stop()
		for round := 0; len(feeds) > 0; round++ {
			i := random.IntN(len(feeds))
			if feeds[i].send(t, 1+random.IntN(9)); len(feeds[i].rest) == 0 && round > 10 {
				feeds[i].close(t)
				feeds = slices.Delete(feeds, i, i+1)
			}
			if round == 10 {
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(converted(t, paths...), converted(t, address)); diff != "" {
			t.Errorf("seed %d (-files +stream):\n%s", seed, diff)
		}
	}
}

// randomRecording writes a recording with some exchanges, some of them with content
// beside it, and returns its path.
func randomRecording(t *testing.T, random *rand.Rand) string {
	t.Helper()
	session := ulid.Make().String()
	path := filepath.Join(t.TempDir(), session+".jsonl")
	w, err := record.Create(path, record.Options{Session: session, InlineMax: 100})
	if err != nil {
		t.Fatal(err)
	}
	for id := range traffic.ExchangeID(random.IntN(60)) {
		x := &traffic.Exchange{
			ID: id + 1, Conn: traffic.ConnID(1 + random.IntN(5)), Started: time.Now(),
			Request:      &traffic.Request{Method: "GET", URL: traffic.URL{Scheme: "http", Authority: "h", Target: "/"}},
			Response:     &traffic.Response{Status: 200},
			ResponseBody: traffic.BodyOf(bytes.Repeat([]byte{'a' + byte(random.IntN(5))}, random.IntN(200))),
		}
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// feed sends the lines of a recording to a stream as its recorder would.
type feed struct {
	sink *fleet.Sink
	path string
	rest [][]byte // lines with their ends
}

func newFeed(t *testing.T, path, address string) *feed {
	t.Helper()
	target, err := fleet.ParseTarget(address)
	if err != nil {
		t.Fatal(err)
	}
	session := strings.TrimSuffix(filepath.Base(path), ".jsonl")
	sink, err := fleet.OpenSink(t.Context(), target, fleet.SinkOptions{Spool: t.TempDir(), Session: session})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{sink: sink, path: path, rest: slices.Collect(bytes.Lines(content))}
}

// send sends up to n lines, with what lies beside them.
func (f *feed) send(t *testing.T, n int) {
	t.Helper()
	n = min(n, len(f.rest))
	lines := bytes.Join(f.rest[:n], nil)
	f.rest = f.rest[n:]
	for _, name := range regexp.MustCompile(`"file":"([0-9a-f]{64})"`).FindAllSubmatch(lines, -1) {
		content, err := os.ReadFile(filepath.Join(record.BodiesDir(f.path), string(name[1])))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(f.sink.Bodies(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(f.sink.Bodies(), string(name[1])), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) > 0 {
		if _, err := f.sink.Write(lines); err != nil {
			t.Fatal(err)
		}
	}
}

// wait waits until Redis has what was sent.
func (f *feed) wait(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(scriptPatience); f.sink.Waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("redis does not get the lines")
		}
	}
}

func (f *feed) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(f.sink.Close(), f.sink.Drain(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// converted returns what necto convert makes of recordings, with all content.
func converted(t *testing.T, recordings ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "all.jsonl")
	var said bytes.Buffer
	args := append([]string{"convert", "--merge", "--inline", "-o", path}, recordings...)
	if code := run(t.Context(), stdio{out: io.Discard, err: &said}, args); code != 0 {
		t.Fatalf("exit code %d: %s", code, &said)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
