package tail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
)

// ping is the line of a ping from the client with a text.
func ping(text string) string {
	return framed(1, 0, fmt.Sprintf(`"dir":"client-to-server","opcode":9,"fin":true,"length":1,"text":%q`, text))
}

func pinged(text string) string { return "[23:44:03.000]  -->  PING " + text + "\n" }

// write replaces a file, or adds to it.
func write(t *testing.T, path, text string, flags int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// following runs steps while files are followed. After each step the screen
// shows what comes with it.
func following(t *testing.T, o Options, paths []string, steps []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var shown nectest.Buffer
		var sources []Source
		for _, path := range paths {
			sources = append(sources, NewFile(path, true))
		}
		o.Follow, o.Location = true, time.UTC
		done := make(chan error, 1)
		go func() { done <- Run(ctx, &shown, sources, o) }()
		for i, s := range steps {
			s.do()
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := shown.Take(); got != s.want {
				t.Errorf("after step %d there is %q, want %q", i+1, got, s.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// step is something that happens to a file, and what is printed for it.
type step struct {
	do   func()
	want string
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	add := func(text string) func() { return func() { write(t, path, text, os.O_APPEND) } }
	line := ping("three")
	write(t, path, "", 0)
	following(t, Options{}, []string{path}, []step{
		{func() {}, ""},
		{add(metaLine[:20]), ""},
		{add(metaLine[20:]), ""},
		{add(ping("one") + ping("two")), pinged("one") + pinged("two")},
		{add(line[:30]), ""},
		{add(line[30:]), pinged("three")},
	})
}

func TestFollowPrintsTheLastLinesAndAllThatFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	write(t, path, metaLine+ping("1")+ping("2")+ping("3"), 0)
	following(t, Options{Last: new(1)}, []string{path}, []step{
		{func() {}, pinged("3")},
		{func() { write(t, path, ping("4")+ping("5"), os.O_APPEND) }, pinged("4") + pinged("5")},
	})
}

func TestFollowGoesOnWithWhatTakesThePlaceOfAFile(t *testing.T) {
	other := strings.Replace(metaLine, `"seq":1`, `"seq":1,"session":"B"`, 1)
	for name, replace := range map[string]func(path, text string){
		"cut":            func(path, text string) { write(t, path, text, os.O_TRUNC) },
		"renamed over":   func(path, text string) { write(t, path+".new", text, 0); rename(t, path+".new", path) },
		"rotated":        func(path, text string) { rename(t, path, path+".1"); write(t, path, text, 0) },
		"cut and longer": func(path, text string) { write(t, path, text+strings.Repeat("\n", 4096), os.O_TRUNC) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.jsonl")
			write(t, path, metaLine+ping("old one")+ping("old two"), 0)
			var warnings []string
			o := Options{Warn: func(text string) { warnings = append(warnings, text) }}
			following(t, o, []string{path}, []step{
				{func() {}, pinged("old one") + pinged("old two")},
				{func() { replace(path, other+ping("new")) }, pinged("new")},
				{func() { write(t, path, ping("newer"), os.O_APPEND) }, pinged("newer")},
			})
			if len(warnings) != 1 || !strings.Contains(warnings[0], "replaced by another") {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// rename gives a file another name while it is open.
func rename(t *testing.T, from, to string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be renamed there")
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// The last lines of a file that was renamed are not lost, and the other may come
// later.
func TestFollowWaitsForAFileThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	write(t, path, metaLine+ping("1"), 0)
	following(t, Options{}, []string{path}, []step{
		{func() {}, pinged("1")},
		{func() { rename(t, path, path+".1") }, ""},
		{func() { write(t, path+".1", ping("2"), os.O_APPEND) }, pinged("2")},
		{func() { write(t, path, metaLine+ping("3"), 0) }, pinged("3")},
		{func() { write(t, path+".1", ping("4"), os.O_APPEND) }, ""},
	})
}

func TestFollowSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	one, three := filepath.Join(dir, "one.jsonl"), filepath.Join(dir, "three.jsonl")
	write(t, one, metaLine, 0)
	write(t, three, metaLine, 0)
	following(t, Options{}, []string{one, three}, []step{
		{func() { write(t, three, ping("a"), os.O_APPEND) }, "three.jsonl  " + pinged("a")},
		{func() { write(t, one, ping("b"), os.O_APPEND) }, "one.jsonl    " + pinged("b")},
		{func() { write(t, three, ping("c"), os.O_APPEND) }, "three.jsonl  " + pinged("c")},
	})
}
