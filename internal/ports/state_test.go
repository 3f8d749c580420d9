package ports

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// restart plays a run with a state file, in a bubble of its own.
func restart(t *testing.T, rest, state string, w *world, fn func(*stage)) {
	t.Helper()
	c := config(t, rest)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, c, w, state)
		fn(s)
		s.end()
	})
	w.open = map[string]*fakeListener{} // they end with the process
}

// TestRestart begins again with what was in use.
func TestRestart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	rest := threeCandidates + onePort
	w := newWorld()
	restart(t, rest, state, w, func(s *stage) {
		s.start()
		s.expect("nothing was saved", "portStateUpdate 60000", "restoreDone")
		if _, err := s.Lead(s.t.Context(), "", 60004, "us-2"); err != nil {
			t.Error(err)
		}
		b, err := parseBinding("test", []byte(`{"raw": "c.test:5432", "record": false}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Bind(s.t.Context(), "b", 60005, b); err != nil {
			t.Error(err)
		}
		s.forward(Request{Ports: []int{60006}, Any: true})
		if err := s.Remove(60006); err != nil {
			t.Error(err)
		}
	})
	restart(t, rest, state, w, func(s *stage) {
		s.set("c.test:5432", false)
		s.start()
		s.expectSorted([]string{"portStateUpdate 60000", "portStateUpdate 60004", "restoreDone"})
		if got := s.through(60004); got != "us-2" {
			t.Errorf("led through %q", got)
		}
		if status, err := s.Status(60005); err != nil || status.IsOnline || status.Binding != "c.test:5432" {
			t.Errorf("what nobody is behind: %+v, %v", status, err)
		}
		s.set("c.test:5432", true)
		s.wait(2 * time.Second)
		s.expect("somebody came", "portStateUpdate 60005")
	})
	if info, err := os.Stat(state); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the state has the mode %v, %v", info.Mode(), err)
	}
}

// TestRestoreWhatWasTaken opens later what somebody else had at the start.
func TestRestoreWhatWasTaken(t *testing.T) {
	w := newWorld()
	w.busy["127.0.0.1:60001"] = true
	restart(t, twoTargets, filepath.Join(t.TempDir(), "state.json"), w, func(s *stage) {
		s.start()
		s.expect("one is taken", "portStateUpdate 60000", "restoreDone")
		if got := s.Restore(s.t.Context()); len(got) != 0 {
			t.Errorf("restored %v", got)
		}
		s.expect("still", "restoreDone")
		delete(w.busy, "127.0.0.1:60001")
		if got := s.Restore(s.t.Context()); !cmp.Equal(got, []int{60001}) {
			t.Errorf("restored %v", got)
		}
		s.expect("no more", "portStateUpdate 60001", "restoreDone")
	})
}

// TestRestoreOutside leaves out what is none of the pool any more.
func TestRestoreOutside(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	write(t, state, `{"version":1,"ports":[{"port":1,"binding":{"raw":"a.test:1"}},{"port":60001,"binding":{"raw":"a.test:1"}}]}`)
	restart(t, "", state, newWorld(), func(s *stage) {
		s.start()
		s.expect("one is left", "portStateUpdate 60001", "restoreDone")
	})
}

// TestUnreadableState leaves alone what cannot be read, or cannot be kept.
func TestUnreadableState(t *testing.T) {
	for name, prepare := range map[string]func(state string) error{
		"a folder": func(state string) error { return os.Mkdir(state, 0o700) },
		"damaged, in a folder that takes no other": func(state string) error {
			write(t, state, "{")
			return os.Chmod(filepath.Dir(state), 0o500)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "a folder" && (os.Geteuid() == 0 || runtime.GOOS == "windows") {
				t.Skip("this user may write everywhere")
			}
			state := filepath.Join(t.TempDir(), "state.json")
			if err := prepare(state); err != nil {
				t.Fatal(err)
			}
			before, err := os.Stat(state)
			if err != nil {
				t.Fatal(err)
			}
			restart(t, onePort, state, newWorld(), func(s *stage) {
				err := s.Start(s.t.Context())
				if _, goesOn := errors.AsType[*StateError](err); err == nil || goesOn || !strings.Contains(err.Error(), state) {
					t.Errorf("got %v", err)
				}
				if n := len(s.Statuses()); n != 0 {
					t.Errorf("%d ports are in use", n)
				}
			})
			after, err := os.Stat(state)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("it is another file now: %v", err)
			}
		})
	}
}

// TestForwardBeforeStart is no reason to replace the state.
func TestForwardBeforeStart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	write(t, state, `{"version":1,"ports":[{"port":60001,"binding":{"raw":"a.test:1"}}]}`)
	restart(t, threeCandidates, state, newWorld(), func(s *stage) {
		s.forward(Request{ID: "r", Ports: []int{60000}, Any: true})
		s.wait(time.Second)
		s.said()
		s.start()
		s.expect("both are in use", "portStateUpdate 60001", "restoreDone")
	})
	saved, err := newState(state).load()
	if err != nil || len(saved) != 2 {
		t.Errorf("saved %v, %v", saved, err)
	}
}

// TestDamagedState goes on with the state before, or with none, and says so.
func TestDamagedState(t *testing.T) {
	const whole = `{"version":1,"ports":[{"port":60001,"binding":{"raw":"a.test:1"}}]}`
	for name, c := range map[string]struct {
		state, backup string
		want          []string
		said          string
	}{
		"cut":             {whole[:40], "", []string{"restoreDone"}, "it is kept as"},
		"empty":           {"", "", []string{"restoreDone"}, "it is kept as"},
		"cut, backup":     {whole[:40], whole, []string{"portStateUpdate 60001", "restoreDone"}, "the one before"},
		"both cut":        {whole[:40], whole[:10], []string{"restoreDone"}, "it is kept as"},
		"another version": {`{"version":2}`, "", []string{"restoreDone"}, "version 2"},
		"no such port":    {`{"version":1,"ports":[{"port":0,"binding":{"raw":"a:1"}}]}`, "", []string{"restoreDone"}, "no port 0"},
		"no binding":      {`{"version":1,"ports":[{"port":1,"binding":{}}]}`, "", []string{"restoreDone"}, "one of target"},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state.json")
			write(t, state, c.state)
			if c.backup != "" {
				write(t, state+".bak", c.backup)
			}
			restart(t, "", state, newWorld(), func(s *stage) {
				err := s.Start(s.t.Context())
				damaged, is := errors.AsType[*StateError](err)
				if !is || !strings.Contains(damaged.Error(), c.said) || errors.Unwrap(damaged) == nil {
					t.Errorf("got %v", err)
				}
				s.wait(time.Second)
				s.expect(name, c.want...)
				if kept, err := os.ReadFile(damaged.Kept); err != nil || string(kept) != c.state {
					t.Errorf("%s has %q, %v", damaged.Kept, kept, err)
				}
			})
			if _, err := newState(state).load(); err != nil {
				t.Errorf("what was written then: %v", err)
			}
		})
	}
}

// TestBackup keeps the state before the last change.
func TestBackup(t *testing.T) {
	s := newState(filepath.Join(t.TempDir(), "state.json"))
	if _, err := s.load(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"1", "2", "2", "3"} {
		if err := s.write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{s.path: "3", s.backup(): "2"} {
		if got, err := os.ReadFile(path); string(got) != want {
			t.Errorf("%s has %q, %v", path, got, err)
		}
	}
}

// TestStateCannotBeWritten says so at the end.
func TestStateCannotBeWritten(t *testing.T) {
	state := filepath.Join(t.TempDir(), "missing", "state.json")
	c := config(t, onePort)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, c, newWorld(), state)
		s.start()
		if err := s.Close(); err == nil {
			t.Error("no error")
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLeadWhileRestoring leads a port elsewhere before all that was saved was tried.
// It is in no bubble, which would hide races.
func TestLeadWhileRestoring(t *testing.T) {
	c := config(t, threeCandidates+"bindings: [{port: 60000, labels: {}}]")
	s := newStage(t, c, newWorld(), filepath.Join(t.TempDir(), "state.json"))
	if err := s.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Lead(t.Context(), "", 60000, "us-2"); err != nil {
		t.Error(err)
	}
	if got := s.through(60000); got != "us-2" {
		t.Errorf("led through %q", got)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestTextsSurvive saves texts with characters that YAML has not, or sees as ends of
// lines, and reads them as clients escape them.
func TestTextsSurvive(t *testing.T) {
	for _, text := range []string{"a\x7fb", "\u0080", "x\u0085y", "x\u2028y", "\ufffe", "😀", "<&>", `\/`, `\\u007f`, `"`} {
		saved := map[int]savedPort{60000: {Binding: Binding{Port: 60000, Raw: "a.test:1", Tags: []string{text}}}}
		got, err := parseState("state", formatState(saved))
		if diff := cmp.Diff(saved, got); err != nil || diff != "" {
			t.Errorf("%q was saved as something else: %v\n%s", text, err, diff)
		}
	}
	for escaped, want := range map[string]string{`\ud83d\uDE00`: "😀", `http:\/\/x`: "http://x", `\\/`: `\/`, "x\u2028y": "x\u2028y", `\u007f`: "\x7f"} {
		b, err := parseBinding("binding", []byte(`{"raw": "a.test:1", "tags": ["`+escaped+`"]}`))
		if err != nil || b.Tags[0] != want {
			t.Errorf("%s was read as %q, %v", escaped, b.Tags, err)
		}
	}
}
