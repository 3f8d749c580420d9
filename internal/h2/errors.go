package h2

import (
	"errors"
	"fmt"

	"golang.org/x/net/http2"
)

// Code is the error code of a RST_STREAM or GOAWAY frame (RFC 9113 section 7).
// Its String is the name there.
type Code = http2.ErrCode

// The codes.
const (
	CodeNo                 = http2.ErrCodeNo
	CodeProtocol           = http2.ErrCodeProtocol
	CodeInternal           = http2.ErrCodeInternal
	CodeFlowControl        = http2.ErrCodeFlowControl
	CodeSettingsTimeout    = http2.ErrCodeSettingsTimeout
	CodeStreamClosed       = http2.ErrCodeStreamClosed
	CodeFrameSize          = http2.ErrCodeFrameSize
	CodeRefusedStream      = http2.ErrCodeRefusedStream
	CodeCancel             = http2.ErrCodeCancel
	CodeCompression        = http2.ErrCodeCompression
	CodeConnect            = http2.ErrCodeConnect
	CodeEnhanceYourCalm    = http2.ErrCodeEnhanceYourCalm
	CodeInadequateSecurity = http2.ErrCodeInadequateSecurity
	CodeHTTP11Required     = http2.ErrCodeHTTP11Required
)

// ErrClosed is why streams end, and what Open returns, after Close, Abort or
// Shutdown.
var ErrClosed = errors.New("the HTTP/2 connection is closed")

// StreamError says that a stream was reset.
type StreamError struct {
	// Stream is the identifier of the stream, 0 for one that got none.
	Stream uint32
	// Code is that of the RST_STREAM frame.
	Code Code
	// Remote means that the peer has reset the stream; otherwise this side has.
	Remote bool
	// Unprocessed means that the peer has done nothing of the request, so that it
	// may be sent again on another connection: it was refused (RFC 9113 section
	// 8.7), or is above the last stream of a GOAWAY.
	Unprocessed bool
	// Stalled means that the peer gave no window for Config.StallTimeout.
	Stalled bool
	// Reason says what was wrong where this side has found it, "" otherwise.
	Reason string
}

// Timeout returns Stalled, as errors of connections do.
func (e *StreamError) Timeout() bool { return e.Stalled }

// Error names the code.
func (e *StreamError) Error() string {
	if e.Stream == 0 {
		return fmt.Sprintf("no stream could be opened: %s", e.Reason)
	}
	if e.Remote {
		return fmt.Sprintf("the peer has reset stream %d: %v", e.Stream, e.Code)
	}
	if e.Reason != "" {
		return fmt.Sprintf("stream %d was reset: %v: %s", e.Stream, e.Code, e.Reason)
	}
	return fmt.Sprintf("stream %d was reset: %v", e.Stream, e.Code)
}

// GoAwayError says that the peer has ended the connection with a GOAWAY frame.
type GoAwayError struct {
	// Code is why; CodeNo if the peer takes no more streams but was content.
	Code Code
	// LastStream is the highest stream the peer has worked on.
	LastStream uint32
	// Debug is what the peer wrote about it, at most 1 KiB.
	Debug string
}

// Error names the code, and what the peer wrote.
func (e *GoAwayError) Error() string {
	text := fmt.Sprintf("the peer has ended the connection (GOAWAY): %v", e.Code)
	if e.Debug != "" {
		text += fmt.Sprintf(": %q", e.Debug)
	}
	return text
}

// ConnError says that the peer broke a rule of the protocol, or went over a
// limit, so that this side has ended the connection with a GOAWAY of that code.
type ConnError struct {
	Code Code
	// Reason says what was wrong.
	Reason string
}

// Error gives code and reason.
func (e *ConnError) Error() string { return fmt.Sprintf("%v: %s", e.Code, e.Reason) }

// IsUnprocessed reports whether err says that the peer has done nothing of a
// request: see StreamError.Unprocessed. It holds for all errors of Open.
func IsUnprocessed(err error) bool {
	e, ok := errors.AsType[*StreamError](err)
	return ok && e.Unprocessed
}
