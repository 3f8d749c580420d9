package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// errNotEdited says that the user has emptied the text, or left a mistake in it.
var errNotEdited = errors.New("nothing was edited")

// editor has a user edit text. The zero value opens the program of $VISUAL or
// $EDITOR.
type editor struct {
	io stdio
}

// edit opens the text in the editor until accept takes what was made of it. Before
// it is opened again the error is put in front. Text that is emptied, or left as it
// is in spite of an error, is errNotEdited.
func (e editor) edit(ctx context.Context, text []byte, accept func([]byte) error) error {
	file, err := os.CreateTemp("", "necto-*.http")
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	name := file.Name()
	defer func() { _ = os.Remove(name) }() // of no use to anybody by now
	if err := file.Close(); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	for again := false; ; again = true {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return fmt.Errorf("edit: %w", err)
		}
		if err := e.open(ctx, name); err != nil {
			return err
		}
		edited, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("edit: %w", err)
		}
		edited = withoutMistake(edited)
		if len(bytes.TrimSpace(edited)) == 0 || again && bytes.Equal(edited, withoutMistake(text)) {
			return errNotEdited
		}
		wrong := accept(edited)
		if wrong == nil {
			return nil
		}
		if at, ok := errors.AsType[*textError](wrong); ok {
			wrong = &textError{at.line + 1, at.text} // the comment takes a line
		}
		text = append(fmt.Appendf(nil, "%s%s\n", mistakePrefix, oneLine(wrong.Error())), edited...)
	}
}

// mistakePrefix begins the comment that says what is wrong.
const mistakePrefix = "# error: "

func withoutMistake(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte(mistakePrefix)) {
		return text
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return rest
}

// open runs the editor.
func (e editor) open(ctx context.Context, name string) error {
	command := editorCommand()
	var cmd *exec.Cmd
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(command), name)
		cmd = exec.CommandContext(ctx, words[0], words[1:]...)
	} else {
		// The variable is a command line of the shell, as git has it.
		cmd = exec.CommandContext(ctx, "sh", "-c", command+` "$1"`, "sh", name)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.io.in, e.io.out, e.io.err
	if err := cmd.Run(); err != nil {
		return withHint(fmt.Errorf("run the editor %q: %w", command, err), "set EDITOR to an editor that is installed, such as EDITOR=nano")
	}
	return nil
}

// editorCommand returns the user's editor.
func editorCommand() string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if command := strings.TrimSpace(os.Getenv(name)); command != "" {
			return command
		}
	}
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	return "vi"
}
