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

// relayFailure turns what relaying a response gave into a Failure: the client's
// if writing failed, else the origin's. nil stays nil.
func relayFailure(err error) error {
	var write *h1.WriteError
	var failure *traffic.Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &write):
		return clientFailure(write.Err)
	case errors.As(err, &failure):
		return failure
	default:
		return upstreamFailure("read the response body", err)
	}
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
	case h1.IsMalformed(err):
		return traffic.FailProtocol
	default:
		return traffic.FailInternal
	}
}

func isTLSError(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &host) || errors.As(err, &authority) || errors.As(err, &invalid)
}

// plain returns the text of an error without the parts that say what is known:
// which addresses, and that a write or read was tried.
func plain(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	case errors.Is(err, io.EOF):
		return "the connection ended before the answer"
	default:
		return err.Error()
	}
}
