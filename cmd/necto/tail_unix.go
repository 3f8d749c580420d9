//go:build unix

package main

import (
	"errors"
	"syscall"
)

// isBrokenPipe reports whether nobody reads the other end of a pipe any more.
func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
