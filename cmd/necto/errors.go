package main

import (
	"errors"
	"fmt"
)

// The exit codes of necto. A command run by necto has codes of its own.
const (
	exitFailure     = 1   // necto could not do its work
	exitUsage       = 2   // wrong flags or arguments, or a file that is not valid
	exitCheck       = 3   // done, but a check such as --fail-on-miss failed
	exitNotRunnable = 126 // the command exists but cannot be started
	exitNotFound    = 127 // the command does not exist
	exitInterrupted = 130 // a second signal
)

// usageError is a mistake in the command line or in a file the user gave.
type usageError struct {
	err    error
	hint   string // what would help, "" for a pointer to the command's help
	detail string // printable lines that show the mistake, "" for none
}

// usagef returns a usageError with a formatted text.
func usagef(format string, args ...any) *usageError {
	return &usageError{err: fmt.Errorf(format, args...)}
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
func (e *usageError) Hint() string  { return e.hint }

// hinted returns e with a hint.
func (e *usageError) hinted(format string, args ...any) *usageError {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// hintError is a failure with a way out.
type hintError struct {
	err  error
	hint string
}

// withHint returns err with a line that says what to do about it.
func withHint(err error, format string, args ...any) error {
	return &hintError{err: err, hint: fmt.Sprintf(format, args...)}
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }
func (e *hintError) Hint() string  { return e.hint }

// exitError ends necto with a code. Without an err there is nothing to say, as
// when a child ended with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// report tells the user what went wrong and returns the exit code for it.
func report(io stdio, err error) int {
	if err == nil {
		return 0
	}
	exit, exits := errors.AsType[*exitError](err)
	if exits && exit.err == nil {
		return exit.code
	}
	io.note("error: %v", err)
	usage, isUsage := errors.AsType[*usageError](err)
	if isUsage && usage.detail != "" {
		fmt.Fprintln(io.err, usage.detail)
	}
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) && hinter.Hint() != "" {
		io.note("hint: %s", hinter.Hint())
	}
	switch {
	case exits:
		return exit.code
	case isUsage:
		return exitUsage
	default:
		return exitFailure
	}
}
