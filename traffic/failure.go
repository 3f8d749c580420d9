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
}

// Error returns Text.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }
