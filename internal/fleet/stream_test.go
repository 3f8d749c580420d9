package fleet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
)

// reader is a fleet.Handler that keeps what it is told.
type reader struct {
	mu       sync.Mutex // guards what follows
	byID     map[string][]uint64
	lines    int
	warnings []string
}

func (r *reader) Line(l fleet.Line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string][]uint64{}
	}
	r.byID[l.Recorder] = append(r.byID[l.Recorder], l.Seq)
	r.lines++
	return nil
}

func (r *reader) Idle() error { return nil }

func (r *reader) Warn(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, text)
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines
}

// follow starts to follow a stream, until stop.
func (r *reader) follow(t *testing.T, to fleet.Target, group string) (stop func()) {
	t.Helper()
	s, err := fleet.Open(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Follow(ctx, group, r) }()
	return func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestFollow(t *testing.T) {
	to := target(t, nectest.NewRedis(t))
	first, second := newRecorder(t, to, fleet.SinkOptions{}), newRecorder(t, to, fleet.SinkOptions{})
	first.exchanges(1000, 0)
	first.sent()
	var r reader
	stop := r.follow(t, to, "")
	eventually(t, "what there was is read", func() bool { return r.count() > 1000 })
	second.exchanges(700, 0)
	first.exchanges(300, 0)
	first.close()
	second.close()
	eventually(t, "everything is read", func() bool { return r.count() == 1302+702 })
	stop()
	want := map[string][]uint64{first.session: upTo(1302), second.session: upTo(702)}
	if diff := cmp.Diff(want, r.byID); diff != "" {
		t.Error(diff)
	}
}

func TestFollowWhileRedisIsAway(t *testing.T) {
	server := nectest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	to := target(t, server)
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(100, 0)
	rec.sent()
	var r reader
	stop := r.follow(t, to, "")
	eventually(t, "what there was is read", func() bool { return r.count() == 101 })
	server.Stop()
	eventually(t, "the user is told", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.warnings) == 1 && strings.HasPrefix(r.warnings[0], "redis does not answer")
	})
	rec.exchanges(100, 0)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	rec.close()
	eventually(t, "everything is read", func() bool { return r.count() == 202 })
	stop()
	if diff := cmp.Diff(map[string][]uint64{rec.session: upTo(202)}, r.byID); diff != "" {
		t.Error(diff)
	}
}

func TestFollowARedisThatComesBackEmpty(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	before := newRecorder(t, to, fleet.SinkOptions{})
	before.close()
	var r reader
	stop := r.follow(t, to, "")
	eventually(t, "what there was is read", func() bool { return r.count() == 2 })
	server.Stop()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	// As if the clock had stepped back: the ids of what follows are lower.
	client := direct(t, server)
	for seq := range 2 {
		values := []string{"recorder", "OTHER", "line", fmt.Sprintf(`{"type":"x","seq":%d}`, seq+1)}
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "ci", ID: fmt.Sprintf("%d-1", seq+1), Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the rest is read", func() bool { return r.count() == 4 })
	stop()
	if diff := cmp.Diff([]uint64{1, 2}, r.byID["OTHER"]); diff != "" {
		t.Error(diff)
	}
}

func TestGroupsShareTheWork(t *testing.T) {
	to := target(t, nectest.NewRedis(t))
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(2000, 0)
	var members [3]reader
	var stops []func()
	for i := range members {
		stops = append(stops, members[i].follow(t, to, "work"))
	}
	rec.exchanges(2000, 0)
	rec.close()
	// Who begins in the middle gets the meta line, too.
	total := func() (n int) {
		for i := range members {
			members[i].mu.Lock()
			all := members[i].byID[rec.session]
			if n += len(all); len(all) > 1 && all[0] == 1 && all[1] > 2 {
				n--
			}
			members[i].mu.Unlock()
		}
		return n
	}
	eventually(t, "everything is read", func() bool { return total() >= 4002-2 })
	for _, stop := range stops {
		stop()
	}
	var all []uint64
	for i := range members {
		all = append(all, members[i].byID[rec.session]...)
	}
	slices.Sort(all)
	if diff := cmp.Diff(upTo(4002), slices.Compact(all)); diff != "" {
		t.Error(diff)
	}
	if len(all) > 4002+2 {
		t.Errorf("%d lines for 4002", len(all))
	}
}

// TestAGroupThatIsGone makes it again, whatever a member does first: look for the work
// of others or for what is new.
func TestAGroupThatIsGone(t *testing.T) {
	server := nectest.NewRedis(t)
	s, err := fleet.Open(t.Context(), target(t, server), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := direct(t, server).XAdd(t.Context(), &redis.XAddArgs{Stream: "ci", Values: []string{"a", "b"}}).Result(); err != nil {
		t.Fatal(err)
	}
	for _, claims := range []bool{true, false} {
		if n, err := s.ReadAfterLoss(t.Context(), fmt.Sprint("group", claims), claims); n != 1 || err != nil {
			t.Errorf("looks for the work of others: %v: read %d entries, %v", claims, n, err)
		}
	}
}

func TestAGroupHasTheWorkOfWhoDied(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(10, 0)
	rec.close()
	client := direct(t, server)
	if err := client.XGroupCreate(t.Context(), "ci", "work", "0").Err(); err != nil {
		t.Fatal(err)
	}
	read, err := client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "work", Consumer: "dead", Streams: []string{"ci", ">"}, Count: 5}).Result()
	if err != nil || len(read[0].Messages) != 5 {
		t.Fatalf("read %v, %v", read, err)
	}
	for _, entry := range read[0].Messages { // a while ago
		if err := client.Do(t.Context(), "XCLAIM", "ci", "work", "dead", "0", entry.ID, "IDLE", "120000").Err(); err != nil {
			t.Fatal(err)
		}
	}
	var r reader
	stop := r.follow(t, to, "work")
	eventually(t, "everything is read", func() bool { return r.count() == 12 })
	stop()
	if diff := cmp.Diff(upTo(12), r.byID[rec.session]); diff != "" {
		t.Error(diff)
	}
}

// Other programs can write to a stream, too: what they write is no line, and their
// ids are no paths.
func TestEntriesOfOthers(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	client := direct(t, server)
	for _, values := range [][]string{
		{"a", "b"},
		{"recorder", "../../x", "line", `{"type":"meta","seq":1}`},
		{"recorder", "", "line", `{"type":"meta","seq":1}`},
		{"recorder", "\x11", "line", `{"type":"meta","seq":1}`},
		{"recorder", "R", "line", `{"type":"meta","seq":`},
		{"recorder", "R", "line", `{"type":"meta"}`},
		{"recorder", "R", "line", `["seq"]`},
		{"recorder", "R", "line", `{"type":"http","seq":7,"id":1,"conn":1,"at":"2026-01-02T03:04:05.000000Z"}`},
	} {
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "ci", Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	files := download(t, to)
	if len(files) != 1 || files["R"] == nil {
		t.Fatalf("files %v", files)
	}
	// A meta line was made from what there is.
	if meta := files["R"].Meta(); meta.Session != "R" || meta.At.Year() != 2026 {
		t.Errorf("meta %+v", meta)
	}
}

// TestAnErrorBetweenLines reads again what was not handed on.
func TestAnErrorBetweenLines(t *testing.T) {
	s, err := fleet.Open(t.Context(), target(t, nectest.NewRedis(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lines, err := s.LinesAfterError(t.Context(), []map[string]any{
		{"recorder": "A", "line": `{"type":"meta","seq":1}`},
		{"recorder": "B", "line": `{"type":"http","seq":7}`}, // its meta line has to be looked for
	})
	if err != nil || len(lines) != 3 {
		t.Errorf("got %d lines, %v", len(lines), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	server := nectest.NewRedis(t)
	to := target(t, server)
	s, err := fleet.Open(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Download(t.Context(), t.TempDir(), nil); !errors.Is(err, fleet.ErrNoStream) {
		t.Errorf("no stream: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := direct(t, server).Set(t.Context(), "ci", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := fleet.Open(t.Context(), to, nil); err == nil || !strings.Contains(err.Error(), "is a string, not a stream") {
		t.Errorf("a string: %v", err)
	}
	server.Stop()
	if _, err := fleet.Open(t.Context(), to, nil); !errors.Is(err, fleet.ErrUnreachable) {
		t.Errorf("nobody: %v", err)
	}
}

func TestRedisCluster(t *testing.T) {
	server := nectest.NewRedis(t, "--cluster-enabled", "yes")
	client := direct(t, server)
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is up", func() bool {
		info, err := client.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	to, err := fleet.ParseTarget("redis+cluster://" + server.Addr + "/ci")
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(100, 200)
	rec.close()
	if diff := cmp.Diff(upTo(102), seqs(t, download(t, to)[rec.session])); diff != "" {
		t.Error(diff)
	}
}

func TestTLSAndPassword(t *testing.T) {
	dir := t.TempDir()
	pool := writeCertificate(t, dir)
	server := nectest.NewRedis(t, "--tls-port", "0", "--requirepass", "pa:ss")
	// The server listens on its port without TLS until it is told otherwise.
	admin := redis.NewClient(&redis.Options{Addr: server.Addr, Password: "pa:ss"})
	defer admin.Close()
	port := freePort(t)
	for _, pair := range [][2]string{
		{"tls-cert-file", filepath.Join(dir, "cert.pem")},
		{"tls-key-file", filepath.Join(dir, "key.pem")},
		{"tls-auth-clients", "no"},
		{"tls-port", port},
	} {
		if err := admin.ConfigSet(t.Context(), pair[0], pair[1]).Err(); err != nil {
			t.Skipf("this redis-server has no TLS, which is NOT tested: %v", err)
		}
	}
	to, err := fleet.ParseTarget("rediss://:pa%3Ass@127.0.0.1:" + port + "/ci")
	if err != nil {
		t.Fatal(err)
	}
	trusting := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	rec := newRecorder(t, to, fleet.SinkOptions{TLS: trusting})
	rec.exchanges(10, 200)
	rec.close()
	s, err := fleet.Open(t.Context(), to, trusting)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	paths, err := s.Download(t.Context(), t.TempDir(), func(string) {})
	if err != nil || len(paths) != 1 {
		t.Errorf("%q, %v", paths, err)
	}
	if _, err := fleet.Open(t.Context(), to, nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
}

func FuzzLineOf(f *testing.F) {
	f.Add("R", `{"type":"http","seq":7}`)
	f.Add("../x", `{"seq":1}`)
	f.Add("R", `{"seq":18446744073709551615}`)
	f.Fuzz(func(t *testing.T, recorder, text string) {
		l, ok := fleet.LineOf(map[string]any{"recorder": recorder, "line": text})
		if !ok {
			return
		}
		if l.Seq == 0 || string(l.Raw) != text || filepath.Base(l.Recorder) != l.Recorder || strings.Contains(l.Recorder, ".") {
			t.Errorf("%q %q became %+v", recorder, text, l)
		}
	})
}
