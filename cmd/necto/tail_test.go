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

	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

func TestTailOptions(t *testing.T) {
	var got tailOptions
	cmd := newTailCmd(stdio{}, func(_ context.Context, _ stdio, o tailOptions) error {
		got = o
		return nil
	})
	cmd.SetArgs(strings.Fields("-f --filter WSS --dir out --opcode binary --search x --hex --pretty a.jsonl"))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := tailOptions{file: "a.jsonl", follow: true, print: tail.Options{
		Selection: tail.Selection{
			Kind: tail.KindWSS, Dir: new(traffic.ClientToServer), Opcode: new(traffic.OpBinary), Search: "x",
		},
		Hex: true, Pretty: true,
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(tailOptions{})); diff != "" {
		t.Error(diff)
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
		err := runTail(t.Context(), stdio{out: in, err: io.Discard}, tailOptions{file: path, follow: true})
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
	if err := runTail(t.Context(), stdio{out: &out, err: io.Discard}, tailOptions{file: path}); err != nil {
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
	o := tailOptions{file: filepath.Join("..", "..", "testdata", "recordings", "chat.jsonl")}
	if err := runTail(t.Context(), stdio{out: in, err: io.Discard}, o); err != nil {
		t.Error(err)
	}
}
