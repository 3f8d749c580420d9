package fleet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

func TestAStreamHasWhatTheFileHas(t *testing.T) {
	to := target(t, nectest.NewRedis(t))
	recorders := []*recorder{newRecorder(t, to, fleet.SinkOptions{}), newRecorder(t, to, fleet.SinkOptions{})}
	for i := range 50 {
		for _, r := range recorders {
			r.exchanges(1+i%7, i*20) // from 100 bytes on content is beside the lines
		}
	}
	for _, r := range recorders {
		r.close()
	}
	files := download(t, to)
	for _, r := range recorders {
		want, err := record.Open(r.path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(linesOf(t, want), linesOf(t, files[r.session])); diff != "" {
			t.Errorf("file and stream differ (-file +stream):\n%s", diff)
		}
		if diff := cmp.Diff(upTo(len(linesOf(t, want))), seqs(t, files[r.session])); diff != "" {
			t.Error(diff)
		}
		if err := want.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSpoolIsGoneWhenAllIsSent(t *testing.T) {
	spool := t.TempDir()
	r := newRecorder(t, target(t, nectest.NewRedis(t)), fleet.SinkOptions{Spool: spool})
	r.exchanges(10, 200)
	if left := entries(t, spool); len(left) != 1 {
		t.Errorf("while it records: %q", left)
	}
	r.close()
	if left := entries(t, spool); len(left) != 0 {
		t.Errorf("afterwards: %q", left)
	}
}

// TestWhatOthersPutIntoTheSpoolStays is no error: another process may look at a spool
// at the moment in which it is removed, and make its lock again.
func TestWhatOthersPutIntoTheSpoolStays(t *testing.T) {
	spool := t.TempDir()
	r := newRecorder(t, target(t, nectest.NewRedis(t)), fleet.SinkOptions{Spool: spool})
	r.exchanges(1, 0)
	path := filepath.Join(spool, r.session, "theirs")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.close()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the spool has %v, %v", entries, err)
	}
}

func TestRedisAway(t *testing.T) {
	server := nectest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	to := target(t, server)
	var log nectest.Buffer
	r := newRecorder(t, to, fleet.SinkOptions{Log: log.Logger()})
	r.exchanges(100, 200)
	server.Stop()
	r.exchanges(3000, 200)
	eventually(t, "the user is told", func() bool { return strings.Contains(log.String(), "redis takes no lines") })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	r.exchanges(100, 200)
	r.close()
	if diff := cmp.Diff(upTo(3202), seqs(t, download(t, to)[r.session])); diff != "" {
		t.Error(diff)
	}
}

func TestARedisThatComesBackEmptyGetsWhatThereIs(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	r := newRecorder(t, to, fleet.SinkOptions{})
	r.exchanges(100, 0)
	r.sent()
	server.Stop()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	r.exchanges(10, 0)
	r.close()
	// All of it was in the part of the spool that was written.
	if diff := cmp.Diff(upTo(112), seqs(t, download(t, to)[r.session])); diff != "" {
		t.Error(diff)
	}
}

func TestLinesAfterALossAreARecordingStill(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	var log nectest.Buffer
	r := newRecorder(t, to, fleet.SinkOptions{SpoolMax: 1 << 20, Log: log.Logger()})
	for range 20 { // several parts of the spool, which are removed
		r.exchanges(100, 2000)
		r.sent()
	}
	if err := direct(t, server).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r.exchanges(10, 2000)
	r.close()
	got := seqs(t, download(t, to)[r.session])
	if got[0] != 1 || got[len(got)-1] != 2012 || len(got) > 1500 {
		t.Errorf("%d lines, from %d to %d", len(got), got[0], got[len(got)-1])
	}
	for i, seq := range got[2:] {
		if seq != got[i+1]+1 {
			t.Fatalf("%d after %d", seq, got[i+1])
		}
	}
	if !strings.Contains(log.String(), "redis has lost lines that it had") {
		t.Error("nobody was told")
	}
}

func TestRedisFull(t *testing.T) {
	server := nectest.NewRedis(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	to := target(t, server)
	var log nectest.Buffer
	r := newRecorder(t, to, fleet.SinkOptions{Log: log.Logger()})
	r.exchanges(10_000, 200)
	eventually(t, "the user is told", func() bool { return strings.Contains(log.String(), "OOM command not allowed") })
	if err := direct(t, server).ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	r.close()
	if diff := cmp.Diff(upTo(10_002), seqs(t, download(t, to)[r.session])); diff != "" {
		t.Error(diff)
	}
}

func TestRedisSlow(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	r := newRecorder(t, to, fleet.SinkOptions{})
	client := direct(t, server)
	for range 3 {
		if err := client.ClientPause(t.Context(), 200*time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r.exchanges(500, 0)
		if took := time.Since(began); took > 150*time.Millisecond {
			t.Errorf("500 exchanges took %v", took)
		}
		time.Sleep(300 * time.Millisecond)
	}
	r.close()
	if diff := cmp.Diff(upTo(1502), seqs(t, download(t, to)[r.session])); diff != "" {
		t.Error(diff)
	}
}

func TestASpoolThatIsFullEndsTheRecording(t *testing.T) {
	server := nectest.NewRedis(t)
	spool := t.TempDir()
	r := newRecorder(t, target(t, server), fleet.SinkOptions{Spool: spool, SpoolMax: 1 << 20})
	server.Stop()
	r.exchanges(5000, 2000)
	<-r.files[0].Failed()
	if err := r.files[0].Close(); !errors.Is(err, fleet.ErrSpoolFull) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var unsent *fleet.UnsentError
	if err := r.sink.Drain(ctx); !errors.As(err, &unsent) || unsent.Lines == 0 || unsent.Spool != spool {
		t.Errorf("drain: %v", err)
	}
	if err := r.files[1].Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTwoRecordersWithOneID(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	session := ulid.Make().String()
	first := newRecorder(t, to, fleet.SinkOptions{Session: session})
	first.exchanges(1, 0)
	first.sent()
	second := newRecorder(t, to, fleet.SinkOptions{Session: session})
	eventually(t, "the second is refused", func() bool {
		second.exchanges(1, 0)
		return errors.Is(second.files[0].Err(), fleet.ErrTaken)
	})
	_ = second.files[0].Close() // it has failed
	_ = second.files[1].Close()
	if err := second.sink.Drain(t.Context()); !errors.Is(err, fleet.ErrTaken) {
		t.Errorf("drain: %v", err)
	}
	first.exchanges(1, 0)
	first.close()
	if diff := cmp.Diff(upTo(4), seqs(t, download(t, to)[session])); diff != "" {
		t.Error(diff)
	}
}

func TestOneSpoolForASession(t *testing.T) {
	to := target(t, nectest.NewRedis(t))
	o := fleet.SinkOptions{Spool: t.TempDir(), Session: ulid.Make().String()}
	r := newRecorder(t, to, o)
	if _, err := fleet.OpenSink(t.Context(), to, o); !errors.Is(err, fleet.ErrSpoolInUse) {
		t.Errorf("error %v", err)
	}
	r.close()
}

func TestOpenSinkRefuses(t *testing.T) {
	server := nectest.NewRedis(t, "--requirepass", "right")
	client := redis.NewClient(&redis.Options{Addr: server.Addr, Password: "right"})
	defer client.Close()
	if err := client.Set(t.Context(), "text", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	session := ulid.Make().String()
	tests := []struct{ name, target, session, want string }{
		{"no password", "redis://" + server.Addr + "/ci", session, "refuses the user or the password"},
		{"a wrong password", "redis://:wrong@" + server.Addr + "/ci", session, "refuses the user or the password"},
		{"nobody there", "redis://127.0.0.1:1/ci", session, "connection refused"},
		{"no stream", "redis://:right@" + server.Addr + "/text", session, "is a string, not a stream"},
		{"no name", "redis://:right@" + server.Addr, session, "names no stream"},
		{"no session", "redis://:right@" + server.Addr + "/ci", "../x", `session "../x"`},
	}
	for _, test := range tests {
		to, err := fleet.ParseTarget(test.target)
		if err != nil {
			t.Fatal(err)
		}
		spool := t.TempDir()
		_, err = fleet.OpenSink(t.Context(), to, fleet.SinkOptions{Spool: spool, Session: test.session})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		if left := entries(t, spool); len(left) != 0 {
			t.Errorf("%s: left %q", test.name, left)
		}
	}
}

// recordUntilKilled is the process that TestAKilledRecorder kills.
func recordUntilKilled(spool, to string) {
	err := func() error {
		target, err := fleet.ParseTarget(to)
		if err != nil {
			return err
		}
		session := ulid.Make().String()
		sink, err := fleet.OpenSink(context.Background(), target, fleet.SinkOptions{Spool: spool, Session: session})
		if err != nil {
			return err
		}
		w, err := record.New(sink, record.Options{InlineMax: 100, Session: session})
		if err != nil {
			return err
		}
		began, said := time.Now(), false
		for id := traffic.ExchangeID(1); time.Since(began) < 20*time.Second; id++ { // not forever, should nobody kill it
			w.Observe(traffic.ExchangeDone{Exchange: exchange(id, int(id%200))})
			if !said && w.Counts().Exchanges > 2000 {
				fmt.Println(session)
				said = true
			}
		}
		return w.Close()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// killed runs recordUntilKilled, calls meanwhile when that is under load, and kills
// it. It returns its session.
func killed(t *testing.T, spool string, to fleet.Target, meanwhile func()) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NECTO_TEST_SPOOL="+spool, "NECTO_TEST_TARGET="+to.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	session, readErr := bufio.NewReader(out).ReadString('\n')
	meanwhile()
	if err := cmd.Process.Kill(); err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	_ = cmd.Wait() // it was killed
	return session[:len(session)-1]
}

func TestAKilledRecorder(t *testing.T) {
	server := nectest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	to := target(t, server)
	spool := t.TempDir()
	// The second sends for the first, until it is killed itself.
	sessions := []string{killed(t, spool, to, func() {}), killed(t, spool, to, server.Stop)}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	next := newRecorder(t, to, fleet.SinkOptions{Spool: spool})
	next.exchanges(1, 0)
	next.close()
	if left := entries(t, spool); len(left) != 0 {
		t.Errorf("left in the spool: %q", left)
	}
	files := download(t, to)
	for _, session := range sessions {
		got := seqs(t, files[session])
		if len(got) < 1000 || !slices.Equal(got, upTo(len(got))) {
			t.Errorf("%d lines, which are not 1 to %d", len(got), len(got))
		}
	}
}

func TestALeftoverForAnotherTargetStays(t *testing.T) {
	server, other := nectest.NewRedis(t), nectest.NewRedis(t)
	spool := t.TempDir()
	killed(t, spool, target(t, server), func() {})
	var log nectest.Buffer
	r := newRecorder(t, target(t, other), fleet.SinkOptions{Spool: spool, Log: log.Logger()})
	r.close()
	if left := entries(t, spool); len(left) != 1 {
		t.Errorf("in the spool: %q", left)
	}
	if !strings.Contains(log.String(), "its lines are for redis://"+server.Addr+"/ci") {
		t.Error("nobody was told")
	}
}

func TestStreamsAreTrimmed(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	client := direct(t, server)
	r := newRecorder(t, to, fleet.SinkOptions{Keep: fleet.Keep{MaxLen: 500}})
	r.exchanges(3000, 0)
	r.close()
	n, err := client.XLen(t.Context(), "ci").Result()
	if err != nil || n < 500 || n > 1200 { // about: in whole nodes
		t.Errorf("%d entries, %v", n, err)
	}
	got := seqs(t, download(t, to)[r.session])
	if got[0] != 1 || got[1] < 1800 || got[len(got)-1] != 3002 {
		t.Errorf("lines 1, %d ... %d", got[1], got[len(got)-1])
	}

	aged := newRecorder(t, to, fleet.SinkOptions{Keep: fleet.Keep{MaxAge: 50 * time.Millisecond}})
	aged.exchanges(500, 200)
	aged.sent()
	time.Sleep(100 * time.Millisecond)
	aged.exchanges(1, 0)
	aged.close()
	if n, err := client.XLen(t.Context(), "ci").Result(); err != nil || n > 300 {
		t.Errorf("%d entries, %v", n, err)
	}
	keys, err := client.Keys(t.Context(), "ci:body:*").Result()
	if err != nil || len(keys) == 0 {
		t.Errorf("bodies: %q, %v", keys, err)
	}
	for _, key := range keys {
		if life, err := client.TTL(t.Context(), key).Result(); err != nil || life < 50*time.Minute || life > time.Hour+time.Minute {
			t.Errorf("%s lives for %v, %v", key, life, err)
		}
	}
}

// entries returns the names in a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}
