package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// patience is how long a test waits for something that is about to happen.
const patience = time.Minute

func TestMain(m *testing.M) {
	if spool := os.Getenv("NECTO_TEST_SPOOL"); spool != "" {
		recordUntilKilled(spool, os.Getenv("NECTO_TEST_TARGET"))
		return
	}
	goleak.VerifyTestMain(m)
}

// target returns the stream "ci" of a Redis.
func target(t testing.TB, r *nectest.Redis) fleet.Target {
	t.Helper()
	got, err := fleet.ParseTarget("redis://" + r.Addr + "/ci")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// direct returns a client that looks at what is in a Redis.
func direct(t testing.TB, r *nectest.Redis) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: r.Addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// recorder is a sink with the writer that fills it, and a file that the same
// events are written to.
type recorder struct {
	t       testing.TB
	sink    *fleet.Sink
	writers traffic.Tee
	files   []*record.Writer
	path    string
	session string
	next    traffic.ExchangeID
}

// newRecorder starts a recorder. Options are completed.
func newRecorder(t testing.TB, target fleet.Target, o fleet.SinkOptions) *recorder {
	t.Helper()
	if o.Spool == "" {
		o.Spool = t.TempDir()
	}
	if o.Session == "" {
		o.Session = ulid.Make().String()
	}
	sink, err := fleet.OpenSink(t.Context(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, sink: sink, session: o.Session, path: filepath.Join(t.TempDir(), o.Session+".jsonl"), next: 1}
	ro := record.Options{Session: o.Session, InlineMax: 100, Redaction: "off"}
	inRedis, err := record.New(sink, ro)
	if err != nil {
		t.Fatal(err)
	}
	inFile, err := record.Create(r.path, ro)
	if err != nil {
		t.Fatal(err)
	}
	r.files = []*record.Writer{inRedis, inFile}
	r.writers = traffic.Tee{inRedis, inFile}
	return r
}

// exchanges records n exchanges with content of so many bytes.
func (r *recorder) exchanges(n, size int) {
	for range n {
		r.writers.Observe(traffic.ExchangeDone{Exchange: exchange(r.next, size)})
		r.next++
	}
}

// exchange returns an exchange that has ended. The content of two in three is that
// of another one, too.
func exchange(id traffic.ExchangeID, size int) *traffic.Exchange {
	content := bytes.Repeat([]byte{'a' + byte(id/3%26)}, size)
	return &traffic.Exchange{
		ID: id, Conn: traffic.ConnID(id/10 + 1), Started: time.Now(), Client: "127.0.0.1:1", Server: "127.0.0.1:2",
		Request:      &traffic.Request{Method: "GET", URL: traffic.URL{Scheme: "http", Authority: "h", Target: fmt.Sprintf("/%d", id)}, Proto: "HTTP/1.1"},
		Response:     &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1"},
		ResponseBody: traffic.BodyOf(content),
		Timing:       traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1},
	}
}

// close ends both recordings, and waits until Redis has all.
func (r *recorder) close() {
	r.t.Helper()
	for _, w := range r.files {
		if err := w.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.sink.Drain(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// sent waits until Redis has all that was recorded.
func (r *recorder) sent() {
	r.t.Helper()
	want := int64(r.next - 1)
	eventually(r.t, "everything is sent", func() bool {
		return r.files[0].Counts().Exchanges == want && r.sink.Waiting() == 0
	})
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// download returns what a stream has, by recorder.
func download(t testing.TB, target fleet.Target) map[string]*record.File {
	t.Helper()
	s, err := fleet.Open(t.Context(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	paths, err := s.Download(t.Context(), t.TempDir(), func(text string) { t.Error("warning:", text) })
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*record.File{}
	for _, path := range paths {
		f, err := record.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		files[strings.TrimSuffix(filepath.Base(path), ".jsonl")] = f
	}
	return files
}

// seqs returns the numbers of a recording's lines, and checks that the content of
// all is there.
func seqs(t testing.TB, f *record.File) []uint64 {
	t.Helper()
	var all []uint64
	err := f.Scan(func(l record.Line) error {
		var head struct{ Seq uint64 }
		if err := json.Unmarshal(l.Raw, &head); err != nil {
			return err
		}
		all = append(all, head.Seq)
		if l.Type != record.TypeHTTP {
			return nil
		}
		e, err := record.ParseEntry(l.Raw)
		if err != nil {
			return err
		}
		body, err := f.OpenBody(e.Response.Body)
		if err != nil {
			return err
		}
		return body.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// linesOf returns the lines of a recording without what differs between two that
// were written at the same time.
func linesOf(t testing.TB, f *record.File) []string {
	t.Helper()
	var all []string
	err := f.Scan(func(l record.Line) error {
		line := string(l.Raw)
		if l.Type == record.TypeMeta || l.Type == record.TypeEnd {
			line = atAndUs.ReplaceAllString(line, "")
		} else {
			line = us.ReplaceAllString(line, "")
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	atAndUs = regexp.MustCompile(`,"at":"[^"]*","us":[0-9]+`)
	us      = regexp.MustCompile(`,"us":[0-9]+`)
)

// upTo returns the numbers from 1 to n.
func upTo(n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i) + 1
	}
	return all
}
