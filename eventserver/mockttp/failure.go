package mockttp

import (
	"crypto/x509"
	"errors"
	"syscall"

	"github.com/necto-dev/necto/traffic"
)

// jsError is an error as JavaScript has it.
type jsError struct{ name, code, message string }

// error writes an error, nothing for nil. Its stack is its first line: there is
// no JavaScript behind it.
func (w *writer) error(name string, err *jsError) {
	if err == nil {
		return
	}
	w.str(name+`{"name":`, err.name)
	w.str(`,"code":`, err.code)
	w.str(`,"message":`, err.message)
	w.str(`,"stack":`, err.name+": "+err.message)
	w.raw("}")
}

// errno has Node.js's names for errors of the system.
var errno = []struct {
	err  syscall.Errno
	name string
}{
	{syscall.ECONNREFUSED, "ECONNREFUSED"},
	{syscall.ECONNRESET, "ECONNRESET"},
	{syscall.EPIPE, "EPIPE"},
	{syscall.ETIMEDOUT, "ETIMEDOUT"},
	{syscall.EHOSTUNREACH, "EHOSTUNREACH"},
	{syscall.ENETUNREACH, "ENETUNREACH"},
}

// codes has Node.js's names for what a Failure's kind says, which is all that is
// known of one from a recording. Those that Node.js has none for begin with "E_".
var codes = map[traffic.FailureKind]string{
	traffic.FailDNS:      "ENOTFOUND",
	traffic.FailConnect:  "ECONNREFUSED",
	traffic.FailTimeout:  "ETIMEDOUT",
	traffic.FailTLS:      "EPROTO",
	traffic.FailReset:    "ECONNRESET",
	traffic.FailEOF:      "ECONNRESET",
	traffic.FailProtocol: "EPROTO",
	traffic.FailLoop:     "ELOOP",
	traffic.FailMiss:     "E_REPLAY_MISS",
	traffic.FailShutdown: "E_SHUTDOWN",
	traffic.FailAborted:  "E_RULE_CLOSE",
	traffic.FailFault:    "E_RULE_RESET",
}

// codeOf returns Node.js's name for a failure.
func codeOf(f *traffic.Failure) string {
	for _, e := range errno {
		if errors.Is(f.Err, e.err) {
			return e.name
		}
	}
	if code := certificateCode(f.Err); code != "" {
		return code
	}
	if code := codes[f.Kind]; code != "" {
		return code
	}
	return "E_INTERNAL"
}

// certificateCode returns what Node.js says of a certificate that it does not
// trust, "" if err is something else.
func certificateCode(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
	case errors.As(err, &host):
		return "ERR_TLS_CERT_ALTNAME_INVALID"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "CERT_HAS_EXPIRED"
	case errors.As(err, &invalid):
		return "CERT_UNTRUSTED"
	}
	return ""
}

// failureTags returns the tags that say why an exchange failed. A client that has
// left, and a rule that did what it should, are no errors.
func failureTags(f *traffic.Failure) []string {
	switch {
	case f == nil:
		return nil
	case f.Side == traffic.SideUpstream && f.Kind == traffic.FailTLS:
		return []string{"passthrough-error:" + codeOf(f), "passthrough-tls-error:" + codeOf(f)}
	case f.Side == traffic.SideUpstream:
		return []string{"passthrough-error:" + codeOf(f)}
	case f.Side == traffic.SideClient && f.Kind == traffic.FailProtocol:
		return []string{clientErrorTag + invalidBody}
	}
	return nil
}

// invalidBody is what Node.js says of content that is not framed as it should be.
const invalidBody = "HPE_INVALID_CHUNK_SIZE"

// abortErrorOf returns why an exchange was aborted, nil for a client that has
// left.
func abortErrorOf(x *traffic.Exchange) *jsError {
	f := x.Failure
	switch {
	case f == nil || f.Side == traffic.SideClient || f.End == traffic.EndHang:
		return nil
	case f.Kind == traffic.FailAborted && x.Received == nil:
		return &jsError{"AbortError", "E_RULE_BREQ_CLOSE", f.Text}
	case f.Kind == traffic.FailAborted:
		return &jsError{"AbortError", "E_RULE_BRES_CLOSE", f.Text}
	case f.Kind == traffic.FailFault && f.End == traffic.EndClose:
		return &jsError{"AbortError", "E_RULE_CLOSE", f.Text}
	case f.Kind == traffic.FailFault:
		return &jsError{"AbortError", "E_RULE_RESET", f.Text}
	}
	return &jsError{"Error", codeOf(f), f.Text}
}

// brokenSocket returns why a WebSocket connection ended without a close frame, nil
// for a client that has left.
func brokenSocket(c *traffic.WSClose) *jsError {
	switch c.By {
	case traffic.SideClient:
		return nil
	case traffic.SideNecto:
		return &jsError{"Error", codes[traffic.FailShutdown], "necto was stopped"}
	default:
		kind := traffic.FailureKind(c.Cause)
		return &jsError{"Error", codeOf(&traffic.Failure{Kind: kind}), "the origin ended the connection without a close frame: " + c.Cause}
	}
}
