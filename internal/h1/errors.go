package h1

import (
	"errors"
	"fmt"
)

// Error is a message that breaks the rules of HTTP/1, or the Limits.
type Error struct {
	// Status is the status code a server answers such a request with: 400,
	// 414, 431 or 505. For a response it says nothing.
	Status int
	// Text says what is wrong.
	Text string
}

// Error returns Text.
func (e *Error) Error() string { return e.Text }

// IsMalformed reports whether err says that a message broke the rules, as
// opposed to a connection that failed.
func IsMalformed(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// ErrTruncated is returned where a connection ends inside a message.
var ErrTruncated = errors.New("connection ended inside a message")

// WriteError is what Body.Relay returns when the writer failed, so that the
// caller can tell the two sides apart.
type WriteError struct{ Err error }

// Error returns the text of Err.
func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *WriteError) Unwrap() error { return e.Err }

func badf(status int, format string, args ...any) error {
	return &Error{Status: status, Text: fmt.Sprintf(format, args...)}
}
