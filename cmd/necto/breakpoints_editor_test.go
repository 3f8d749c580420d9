package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// useEditor makes a shell script the user's editor, whose $1 is the file.
func useEditor(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the editor of this test is a shell script")
	}
	name := filepath.Join(t.TempDir(), "an editor")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "'"+name+"' --wait")
	t.Setenv("TMPDIR", t.TempDir())
}

// $1 is --wait, $2 the file.
const appendWord = `echo edited >>"$2"`

func TestEditorEdits(t *testing.T) {
	useEditor(t, appendWord)
	var got string
	err := editor{}.edit(t.Context(), []byte("text\n"), func(edited []byte) error {
		got = string(edited)
		return nil
	})
	if err != nil || got != "text\nedited\n" {
		t.Errorf("got %q, error %v", got, err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

func TestMistakesOpenTheEditorAgain(t *testing.T) {
	useEditor(t, appendWord)
	var texts []string
	err := editor{}.edit(t.Context(), []byte("text\n"), func(edited []byte) error {
		texts = append(texts, string(edited))
		if len(texts) < 3 {
			return errors.New("wrong\nagain")
		}
		return nil
	})
	if err != nil || len(texts) != 3 {
		t.Fatalf("the editor was opened %d times, error %v", len(texts), err)
	}
	if want := "text\nedited\nedited\nedited\n"; texts[2] != want {
		t.Errorf("got %q, want %q", texts[2], want)
	}
}

func TestMistakeIsShown(t *testing.T) {
	useEditor(t, `grep -q "^# error: wrong again$" "$2" && echo shown >"$2" || echo edited >>"$2"`)
	var last string
	err := editor{}.edit(t.Context(), []byte("text\n"), func(edited []byte) error {
		if last = string(edited); last == "shown\n" {
			return nil
		}
		return errors.New("wrong\nagain")
	})
	if err != nil {
		t.Errorf("got %q, error %v", last, err)
	}
}

func TestEditingIsGivenUp(t *testing.T) {
	tests := map[string]string{
		"by an empty file":         `: >"$2"`,
		"by leaving a mistake":     `true`,
		"by writing it again":      `echo wrong >"$2"`,
		"by nothing but new lines": `echo >"$2"`,
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			useEditor(t, script)
			err := editor{}.edit(t.Context(), []byte("text\n"), func([]byte) error { return errors.New("wrong") })
			if !errors.Is(err, errNotEdited) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEditorThatFails(t *testing.T) {
	useEditor(t, "exit 3")
	var out bytes.Buffer
	err := editor{stdio{err: &out}}.edit(t.Context(), []byte("text"), func([]byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "run the editor") {
		t.Errorf("got %v", err)
	}
}

func TestEditorEndsWithNecto(t *testing.T) {
	useEditor(t, "exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (editor{}).edit(ctx, []byte("text"), func([]byte) error { return nil }); err == nil {
		t.Error("it was edited")
	}
}

func TestEditorCommand(t *testing.T) {
	t.Setenv("EDITOR", "nano")
	t.Setenv("VISUAL", "")
	if got := editorCommand(); got != "nano" {
		t.Errorf("got %q", got)
	}
	t.Setenv("VISUAL", "code --wait")
	if got := editorCommand(); got != "code --wait" {
		t.Errorf("got %q", got)
	}
}
