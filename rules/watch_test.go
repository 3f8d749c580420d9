package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// watched is what a Watcher tells.
type watched struct {
	changed chan []string
	failed  chan string
}

// watch watches paths until the test ends.
func watch(t *testing.T, paths ...string) (*Store, watched) {
	t.Helper()
	set, err := Load(paths...)
	if err != nil {
		t.Fatal(err)
	}
	store := NewStore(set)
	w := watched{make(chan []string, 10), make(chan string, 10)}
	watcher, err := Watch(paths, store, WatchOptions{
		Check:   func(set *Set) error { return set.CheckCalls(nil) },
		Changed: func(_ *Set, changes []Change) { w.changed <- told(changes) },
		Failed:  func(err error) { w.failed <- err.Error() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := watcher.Close(); err != nil {
			t.Error(err)
		}
	})
	return store, w
}

// next returns what comes next on a channel.
func next[T any](t *testing.T, c chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
		panic("unreachable")
	}
}

const oneRule, twoRules = "version: 1\nrules: [{name: a, tag: x}]\n", "version: 1\nrules: [{name: a, tag: x}, {name: b, tag: x}]\n"

func TestFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "rules.yaml", oneRule)
	store, w := watch(t, file)

	write(t, dir, "rules.yaml", twoRules)
	if got := next(t, w.changed); !cmp.Equal(got, []string{"created b"}) {
		t.Errorf("written in place: %q", got)
	}
	replacement := write(t, dir, ".rules.yaml.swp", oneRule)
	if err := os.Rename(replacement, file); err != nil {
		t.Fatal(err)
	}
	if got := next(t, w.changed); !cmp.Equal(got, []string{"deleted b"}) || !cmp.Equal(inForce(store), []string{"a"}) {
		t.Errorf("replaced by another file: %q, in force %q", got, inForce(store))
	}
	write(t, dir, "rules.yaml", twoRules)
	if got := next(t, w.changed); !cmp.Equal(got, []string{"created b"}) {
		t.Errorf("written after it was replaced: %q", got)
	}
}

func TestABadEditKeepsTheOldRules(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "rules.yaml", oneRule)
	store, w := watch(t, file)

	write(t, dir, "rules.yaml", "version: 1\nrules: [{name: a, brake: x}]\n")
	if got := next(t, w.failed); !strings.Contains(got, `rules.yaml:2:19: rule "a": unknown key "brake"`) {
		t.Errorf("failed with %q", got)
	}
	write(t, dir, "rules.yaml", "version: 1\nrules: [{name: a, brake: x}]\n")
	time.Sleep(2 * settle)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := next(t, w.failed); strings.Contains(got, "brake") {
		t.Errorf("the same failure was told twice: %q", got)
	}
	if !cmp.Equal(inForce(store), []string{"a"}) {
		t.Errorf("in force %q", inForce(store))
	}
	write(t, dir, "rules.yaml", "version: 1\nrules: [{name: c, match: {path: /a.B/C}, mock: {grpc: {messages: [{json: {}}]}}}]\n")
	if got := next(t, w.failed); !strings.Contains(got, "method is not described: /a.B/C") || !cmp.Equal(inForce(store), []string{"a"}) {
		t.Errorf("rules that are of no use here: %q, in force %q", got, inForce(store))
	}
	write(t, dir, "rules.yaml", twoRules)
	if got := next(t, w.changed); !cmp.Equal(got, []string{"created b"}) {
		t.Errorf("after it was mended: %q", got)
	}
}

func TestFilesComeAndGoInAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", oneRule)
	_, w := watch(t, dir)
	b := write(t, dir, "b.yaml", "version: 1\nrules: [{name: b, tag: x}]\n")
	if got := next(t, w.changed); !cmp.Equal(got, []string{"created b"}) {
		t.Errorf("a file came: %q", got)
	}
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if got := next(t, w.changed); !cmp.Equal(got, []string{"deleted b"}) {
		t.Errorf("a file went: %q", got)
	}
}

func TestOtherFilesDoNotCount(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "rules.yaml", oneRule)
	_, w := watch(t, file)
	write(t, dir, "run.jsonl", "{}")
	write(t, dir, "other.yaml", "not rules")
	select {
	case got := <-w.changed:
		t.Errorf("told %q", got)
	case got := <-w.failed:
		t.Errorf("failed with %q", got)
	case <-time.After(3 * settle):
	}
}

func TestALinkedFileIsWatched(t *testing.T) {
	target := write(t, t.TempDir(), "real.yaml", oneRule)
	link := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	_, w := watch(t, link)
	write(t, filepath.Dir(target), "real.yaml", twoRules)
	if got := next(t, w.changed); !cmp.Equal(got, []string{"created b"}) {
		t.Errorf("told %q", got)
	}
}

func TestWhatIsNotThereIsNotWatched(t *testing.T) {
	if _, err := Watch([]string{filepath.Join(t.TempDir(), "gone.yaml")}, NewStore(nil), WatchOptions{}); err == nil {
		t.Error("no error")
	}
}
