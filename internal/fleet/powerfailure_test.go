package fleet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
)

// A power failure takes what was written and is not on the disk itself: the tests cut
// files as it would.

// halve removes the second half of a file.
func halve(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// partsOf returns the paths of the parts of a session's spool.
func partsOf(t *testing.T, spool, session string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(spool, session, "0*.jsonl"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("parts %q, %v", paths, err)
	}
	return paths
}

// leave records without a Redis, and leaves the spool behind. It returns the session.
func leave(t *testing.T, server *nectest.Redis, spool string, record func(*recorder)) string {
	t.Helper()
	r := newRecorder(t, target(t, server), fleet.SinkOptions{Spool: spool, SpoolMax: 1 << 20})
	server.Stop()
	record(r)
	for _, w := range r.files {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var unsent *fleet.UnsentError
	if err := r.sink.Drain(ctx); !errors.As(err, &unsent) {
		t.Fatalf("drain: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	return r.session
}

// send sends what was left in a spool, and returns what the user was told.
func send(t *testing.T, server *nectest.Redis, spool string) *nectest.Buffer {
	t.Helper()
	var log nectest.Buffer
	next := newRecorder(t, target(t, server), fleet.SinkOptions{Spool: spool, Log: log.Logger()})
	next.close()
	if left := entries(t, spool); len(left) != 0 {
		t.Errorf("left in the spool: %q", left)
	}
	return &log
}

func TestRedisMayHaveMoreThanTheSpool(t *testing.T) {
	server := nectest.NewRedis(t)
	spool, afterwards := t.TempDir(), t.TempDir()
	r := newRecorder(t, target(t, server), fleet.SinkOptions{Spool: spool})
	r.exchanges(100, 0)
	r.sent()
	if err := os.CopyFS(afterwards, os.DirFS(spool)); err != nil {
		t.Fatal(err)
	}
	halve(t, partsOf(t, afterwards, r.session)[0])
	r.close()
	if log := send(t, server, afterwards); log.String() != "" {
		t.Errorf("the user was told %s", log)
	}
	if diff := cmp.Diff(upTo(102), seqs(t, download(t, target(t, server))[r.session])); diff != "" {
		t.Error(diff)
	}
}

func TestLinesMissingInTheSpool(t *testing.T) {
	server := nectest.NewRedis(t)
	spool := t.TempDir()
	session := leave(t, server, spool, func(r *recorder) { // a part has 128 KiB
		for range 10 {
			r.exchanges(200, 90)
			eventually(t, "lines are in the spool", func() bool { return r.sink.Waiting() > uint64(r.next)-10 })
		}
	})
	parts := partsOf(t, spool, session)
	if len(parts) < 3 {
		t.Fatalf("the spool has %d parts", len(parts))
	}
	halve(t, parts[0])
	halve(t, parts[len(parts)-1])
	if log := send(t, server, spool); !strings.Contains(log.String(), "lines are missing in the spool") {
		t.Errorf("the user was told %s", log)
	}
	got := seqs(t, download(t, target(t, server))[session])
	if got[0] != 1 || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("lines %d", got)
	}
	if last := got[len(got)-1]; last-uint64(len(got)) < 50 || last < 1500 {
		t.Errorf("%d lines up to %d, though some are missing in the middle", len(got), last)
	}
}

func TestADamagedBodyIsNotSent(t *testing.T) {
	server := nectest.NewRedis(t)
	spool := t.TempDir()
	session := leave(t, server, spool, func(r *recorder) { r.exchanges(9, 2000) }) // three bodies
	bodies, err := filepath.Glob(filepath.Join(spool, session, "*.bodies", "*"))
	if err != nil || len(bodies) != 4 {
		t.Fatalf("bodies %q, %v", bodies, err)
	}
	halve(t, bodies[0])
	if log := send(t, server, spool); !strings.Contains(log.String(), "a body in the spool is damaged") {
		t.Errorf("the user was told %s", log)
	}
	var want []string
	for _, path := range bodies[1:] {
		want = append(want, filepath.Base(path))
	}
	keys, err := direct(t, server).Keys(t.Context(), "ci:body:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range keys {
		got = append(got, strings.Trim(strings.TrimPrefix(key, "ci:body:"), "{}"))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies in redis (-want +got):\n%s", diff)
	}
}

// TestWhatWaitsIsOnTheDisk looks at what Redis does not take, and at what it takes.
func TestWhatWaitsIsOnTheDisk(t *testing.T) {
	server := nectest.NewRedis(t)
	r := newRecorder(t, target(t, server), fleet.SinkOptions{})
	r.exchanges(10, 200)
	r.sent()
	if n := r.sink.Settled(); n != 0 {
		t.Errorf("%d lines are on the disk though redis has them", n)
	}
	server.Stop()
	r.exchanges(10, 200)
	eventually(t, "lines that wait are on the disk", func() bool { return r.sink.Settled() == 21 })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	r.close()
}
