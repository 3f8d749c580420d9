// Package ca is the certificate authority that signs what clients are shown.
package ca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// Authority signs leaf certificates.
type Authority struct {
	// OnIssue, if not nil, is called once for each leaf minted. Set it before
	// the first use of the Authority.
	OnIssue func(name string, notAfter time.Time)
}

// Load returns the authority kept in dir, creating it when absent.
func Load(dir string) (*Authority, error) { return nil, errors.ErrUnsupported }

// CertPEM returns the certificate as PEM.
func (a *Authority) CertPEM() []byte { return nil }

// CertPath returns the path of the certificate.
func (a *Authority) CertPath() string { return "" }

// Certificate returns the certificate.
func (a *Authority) Certificate() *x509.Certificate { return nil }

// Leaf returns a certificate for host.
func (a *Authority) Leaf(ctx context.Context, host string) (*tls.Certificate, error) {
	return nil, errors.ErrUnsupported
}

// LeafFor returns a certificate that hello's sender can use.
func (a *Authority) LeafFor(hello *tls.ClientHelloInfo, fallbackHost string) (*tls.Certificate, error) {
	return nil, errors.ErrUnsupported
}
