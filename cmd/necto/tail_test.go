package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// tailed returns what tail makes of a command line.
func tailed(t *testing.T, args ...string) (tailOptions, error) {
	t.Helper()
	var got tailOptions
	cmd := newTailCmd(stdio{}, func(_ context.Context, _ stdio, o tailOptions) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return got, cmd.ExecuteContext(t.Context())
}

func TestTailOptions(t *testing.T) {
	got, err := tailed(t, strings.Fields("-f -n 3 --since 2026-01-02T15:04:05Z --hex --pretty --headers --body a.jsonl b.jsonl")...)
	if err != nil {
		t.Fatal(err)
	}
	want := tailOptions{files: []string{"a.jsonl", "b.jsonl"}, print: tail.Options{
		Follow: true, Last: new(3), Since: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		Hex: true, Pretty: true, Headers: true, Body: true,
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(tailOptions{})); diff != "" {
		t.Error(diff)
	}
	got, err = tailed(t, "--since", "10m", "a.jsonl")
	if ago := time.Since(got.print.Since); err != nil || ago < 10*time.Minute || ago > 11*time.Minute {
		t.Errorf("10 minutes ago was %v, %v", got.print.Since, err)
	}
}

func TestTailFilters(t *testing.T) {
	for want, args := range map[string][]string{
		`ws`:      {"--filter", "ws"},
		`dir:out`: {"--dir", "out"},
		`dir:In and opcode:"0x2" and frame:"a \"b\" (or) c\\" and (ws or host:x)`: {
			"--filter", "ws or host:x", "--dir", "In", "--opcode", "0x2", "--search", `a "b" (or) c\`,
		},
	} {
		got, err := tailed(t, append(args, "a.jsonl")...)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		parsed, err := filter.Parse(want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed.String(), got.print.Filter.String()); diff != "" {
			t.Error(diff)
		}
	}
}

// A recording is followed while it is written, and Ctrl-C is how that ends.
func TestTailFollowsARecordingUntilInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot interrupt itself there")
	}
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := record.Create(path, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := runTail(t.Context(), stdio{out: in, err: io.Discard}, tailOptions{files: []string{path}, print: tail.Options{Follow: true}})
		in.Close()
		done <- err
	}()
	lines := bufio.NewScanner(out)
	for _, target := range []string{"/one", "/two"} {
		w.Observe(traffic.ExchangeDone{Exchange: &traffic.Exchange{
			ID: 1, Started: time.Now(), Request: &traffic.Request{
				Method: "GET", URL: traffic.URL{Scheme: "http", Authority: "a", Target: target},
			},
		}})
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), "http://a"+target) {
			t.Fatalf("line %q, error %v", lines.Text(), lines.Err())
		}
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() {
		t.Errorf("line %q", lines.Text())
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTailReadsBodiesBesideTheRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := record.Create(path, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("long ", 20_000)
	w.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
		Exchange: &traffic.Exchange{ID: 1}, Seq: 1, Last: time.Now(), Opcode: traffic.OpText, Fin: true, Masked: true,
		Length: int64(len(long)), Size: int64(len(long)), Payload: []byte(long),
	}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := runTail(t.Context(), stdio{out: &out, err: io.Discard}, tailOptions{files: []string{path}}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "]  -->  "+long+"\n") {
		t.Errorf("got %.100s", out.String())
	}
}

func TestTailEndsQuietlyWhenNobodyReads(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	defer in.Close()
	o := tailOptions{files: []string{filepath.Join("..", "..", "testdata", "recordings", "chat.jsonl")}}
	if err := runTail(t.Context(), stdio{out: in, err: io.Discard}, o); err != nil {
		t.Error(err)
	}
}
