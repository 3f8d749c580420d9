package fleet_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
)

func TestABodyOfManyPieces(t *testing.T) {
	to := target(t, nectest.NewRedis(t))
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(1, 3<<20+17)
	rec.close()
	files := download(t, to)
	if diff := cmp.Diff(upTo(3), seqs(t, files[rec.session])); diff != "" {
		t.Error(diff)
	}
}

// recordedBody records an exchange with content of so many bytes, and returns the
// stream, the key of the content and its SHA-256.
func recordedBody(t *testing.T, server *nectest.Redis, size int) (s *fleet.Stream, key, hash string) {
	t.Helper()
	to := target(t, server)
	rec := newRecorder(t, to, fleet.SinkOptions{})
	rec.exchanges(1, size)
	rec.close()
	keys, err := direct(t, server).Keys(t.Context(), "ci:body:*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %q, %v", keys, err)
	}
	s, err = fleet.Open(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, keys[0], strings.TrimSuffix(strings.TrimPrefix(keys[0], "ci:body:{"), "}")
}

func TestBodiesThatAreGone(t *testing.T) {
	server := nectest.NewRedis(t)
	s, key, hash := recordedBody(t, server, 200)
	if err := direct(t, server).Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenBody(t.Context(), hash); !errors.Is(err, fleet.ErrNoBody) {
		t.Errorf("open: %v", err)
	}
	if _, err := s.OpenBody(t.Context(), "../x"); err == nil {
		t.Error("a path was opened")
	}
	downloadWithout(t, s, hash)
}

// downloadWithout downloads a stream without content that is missing, which is told.
func downloadWithout(t *testing.T, s *fleet.Stream, hash string) {
	t.Helper()
	var warnings []string
	dir := t.TempDir()
	paths, err := s.Download(t.Context(), dir, func(text string) { warnings = append(warnings, text) })
	if err != nil || len(paths) != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], hash) {
		t.Errorf("paths %q, warnings %q, %v", paths, warnings, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("bodies %q, %v", left, err)
	}
}

// TestBodiesThatGoWhileTheyAreRead is about a Redis that is told to forget them, or is
// full.
func TestBodiesThatGoWhileTheyAreRead(t *testing.T) {
	server := nectest.NewRedis(t)
	s, key, hash := recordedBody(t, server, 3<<20)
	s.AfterPiece(func() {
		if err := direct(t, server).Del(t.Context(), key).Err(); err != nil {
			t.Error(err)
		}
	})
	downloadWithout(t, s, hash)
}

// TestBodiesStayWhileTheyAreRead lets their time end behind the first piece.
func TestBodiesStayWhileTheyAreRead(t *testing.T) {
	server := nectest.NewRedis(t)
	s, key, hash := recordedBody(t, server, 3<<20)
	client := direct(t, server)
	for _, c := range []struct {
		name             string
		life, wait, want time.Duration // 0 for ever
	}{
		{name: "its time ends", life: 300 * time.Millisecond, wait: 400 * time.Millisecond, want: 5 * time.Minute},
		{name: "it has time", life: time.Hour, want: time.Hour},
		{name: "it stays"},
	} {
		if err := client.Persist(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		if c.life > 0 {
			if err := client.PExpire(t.Context(), key, c.life).Err(); err != nil {
				t.Fatal(err)
			}
		}
		body, err := s.OpenBody(t.Context(), hash)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		first := make([]byte, 1)
		_, err = body.Read(first)
		time.Sleep(c.wait)
		rest, restErr := io.ReadAll(body)
		if err != nil || restErr != nil || !bytes.Equal(append(first, rest...), bytes.Repeat(first, 3<<20)) {
			t.Errorf("%s: %d bytes, %v, %v", c.name, 1+len(rest), err, restErr)
		}
		life, err := client.PTTL(t.Context(), key).Result()
		if life = max(life, 0); err != nil || life > c.want || life < c.want-time.Minute {
			t.Errorf("%s: it lives for %v then, want %v, %v", c.name, life, c.want, err)
		}
	}
}
