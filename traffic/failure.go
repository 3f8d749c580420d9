package traffic

// FailureKind says what went wrong in one word.
type FailureKind string

// The kinds of failure.
const (
	FailDNS      FailureKind = "dns"      // the name did not resolve
	FailConnect  FailureKind = "connect"  // refused or unreachable
	FailTimeout  FailureKind = "timeout"  // nothing came in time
	FailTLS      FailureKind = "tls"      // handshake or certificate
	FailReset    FailureKind = "reset"    // connection reset
	FailEOF      FailureKind = "eof"      // connection ended inside a message
	FailProtocol FailureKind = "protocol" // what came is not HTTP
	FailLoop     FailureKind = "loop"     // the target is necto itself
	FailMiss     FailureKind = "miss"     // replay had no answer
	FailShutdown FailureKind = "shutdown" // necto was stopped
	FailAborted  FailureKind = "aborted"  // somebody gave it up at a breakpoint
	FailFault    FailureKind = "fault"    // a rule has broken it on purpose
	FailInternal FailureKind = "internal" // none of these
)

// Side says who a failure belongs to.
type Side string

// The sides of an exchange.
const (
	SideClient   Side = "client"
	SideUpstream Side = "upstream"
	SideNecto    Side = "necto"
)

// Failure is why an exchange or a connection did not complete. It is an error,
// and RoundTrippers return it as one.
type Failure struct {
	Kind FailureKind
	Side Side
	// Text says what happened in words, for the user.
	Text string
	// Err is the error behind it, or nil.
	Err error
	// End says what the client gets to see of it.
	End End
}

// End says how a client's connection ends when an exchange has failed. A layer
// chooses it with the Failure that its RoundTrip returns, or that the Body of its
// response returns in the place of content.
type End uint8

// The ways to end.
const (
	// EndDefault answers 502 with the failure's text. Where the answer has begun
	// already, or the client is the reason, it is EndReset.
	EndDefault End = iota
	// EndClose closes the connection in good order, without an answer or inside
	// it.
	EndClose
	// EndReset resets the connection.
	EndReset
	// EndHang sends nothing more until the client leaves or necto is stopped.
	EndHang
	// EndMalformed sends what cannot be a chunk and closes the connection. It
	// needs an answer that has begun, and is chunked, as with Length -1 and no
	// Content-Length; otherwise it is EndReset.
	EndMalformed
)

// Error returns Text.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }
