package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// upstreamFailure turns an error on the way to an origin into a Failure. what
// says what was being done, as "connect to api.example.com:443".
func upstreamFailure(what string, err error) *traffic.Failure {
	return &traffic.Failure{
		Kind: failureKind(err), Side: traffic.SideUpstream,
		Text: what + ": " + plain(err), Err: err,
	}
}

// clientFailure turns an error on the client's connection into a Failure; nil
// stays nil.
func clientFailure(err error) error {
	if err == nil {
		return nil
	}
	return &traffic.Failure{
		Kind: failureKind(err), Side: traffic.SideClient,
		Text: "the client's connection: " + plain(err), Err: err,
	}
}

// requestFailure turns an error of reading a request's content into a Failure.
// nil, io.EOF and the failure to write it elsewhere stay what they are.
func requestFailure(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := errors.AsType[*h1.WriteError](err); ok {
		return err
	}
	if h1.IsMalformed(err) {
		return &traffic.Failure{Kind: traffic.FailProtocol, Side: traffic.SideClient, Text: "the request body: " + err.Error(), Err: err}
	}
	return clientFailure(err)
}

// relayFailure turns what relaying a response gave into a Failure: the client's
// if writing failed, what the body gave if that is one, else necto's own, as a
// layer made the body. nil stays nil.
func relayFailure(err error) error {
	if err == nil {
		return nil
	}
	if write, ok := errors.AsType[*h1.WriteError](err); ok {
		return clientFailure(write.Err)
	}
	if failure, ok := errors.AsType[*traffic.Failure](err); ok {
		return failure
	}
	return &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "read the response body: " + plain(err), Err: err}
}

func failureKind(err error) traffic.FailureKind {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errLoop):
		return traffic.FailLoop
	case errors.As(err, &dns):
		return traffic.FailDNS
	case isTLSError(err):
		return traffic.FailTLS
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return traffic.FailConnect
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return traffic.FailReset
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return traffic.FailTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, h1.ErrTruncated):
		return traffic.FailEOF
	case h1.IsMalformed(err), isBroken(err):
		return traffic.FailProtocol
	case isReset(err):
		return traffic.FailReset
	default:
		return traffic.FailInternal
	}
}

// isReset reports whether err says that a stream or connection of HTTP/2 ended
// before what was on it.
func isReset(err error) bool {
	var stream *h2.StreamError
	var goAway *h2.GoAwayError
	return errors.As(err, &stream) || errors.As(err, &goAway) || errors.Is(err, h2.ErrClosed)
}

// isBroken reports whether err says that a peer broke the rules of HTTP/2, as
// necto has found.
func isBroken(err error) bool {
	var conn *h2.ConnError
	stream, ok := errors.AsType[*h2.StreamError](err)
	return errors.As(err, &conn) || ok && !stream.Remote && !stream.Stalled && stream.Reason != ""
}

// clientReset says that the client has ended a stream, or its connection, or
// that it was ended for what the client sent, or did not read.
func clientReset(cause, err error) *traffic.Failure {
	switch {
	case isBroken(cause):
		return &traffic.Failure{Kind: traffic.FailProtocol, Side: traffic.SideClient, Text: "the request: " + cause.Error(), Err: cause}
	case failureKind(cause) == traffic.FailTimeout:
		return &traffic.Failure{Kind: traffic.FailTimeout, Side: traffic.SideClient, Text: "the client's connection: " + plain(cause), Err: cause}
	}
	text := errClientGone.Error()
	if stream, ok := errors.AsType[*h2.StreamError](cause); ok && stream.Remote {
		text = "the client has reset the stream: " + stream.Code.String()
	}
	return &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideClient, Text: text, Err: err}
}

func isTLSError(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	// An alert that was received has no type of its own. In TLS 1.3 that for want of
	// a certificate comes behind the handshake.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return true
	}
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &host) || errors.As(err, &authority) || errors.As(err, &invalid)
}

// plain returns the text of an error without the parts that say what is known:
// which addresses, which system call, and that a write or read was tried.
func plain(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Error()
	}
	if errors.Is(err, io.EOF) {
		return "the connection ended before the answer"
	}
	for op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil; op, ok = errors.AsType[*net.OpError](err) {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err.Error()
}
