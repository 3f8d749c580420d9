package ca

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// leafLife is how long a leaf is valid in all, backdate included. 45 days
	// are within every limit that clients enforce or announced: 825 days
	// (Apple, private roots) down to 47 (CA/Browser Forum SC-081v3, 2029).
	leafLife = 45 * 24 * time.Hour
	// cachedLeaves is how many leaves are kept in memory, about 2 KiB each.
	cachedLeaves = 4096
	// rsaBits is the size of the key for clients without ECDSA.
	rsaBits = 2048
)

// leafKind is the kind of key a leaf has.
type leafKind string

const (
	ecdsaLeaf leafKind = "ecdsa"
	rsaLeaf   leafKind = "rsa"
)

// leafID is what leaves are cached by. The name is a normalised one.
type leafID struct {
	name string
	kind leafKind
}

// leaf is a minted certificate and when it is to be replaced.
type leaf struct {
	cert  tls.Certificate
	stale time.Time
}

// leafKeys are the keys all leaves of a process share: generating one for each
// would double the cost of a leaf and protect nothing, as they live and die in
// the same memory.
type leafKeys struct {
	ecdsa func() (*ecdsa.PrivateKey, error)
	rsa   func() (*rsa.PrivateKey, error)
}

func newLeafKeys() leafKeys {
	return leafKeys{
		ecdsa: sync.OnceValues(func() (*ecdsa.PrivateKey, error) {
			return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}),
		rsa: sync.OnceValues(func() (*rsa.PrivateKey, error) {
			return rsa.GenerateKey(rand.Reader, rsaBits)
		}),
	}
}

// signer returns the key of a kind, generating it on first use.
func (k leafKeys) signer(kind leafKind) (crypto.Signer, error) {
	if kind == rsaLeaf {
		return k.rsa()
	}
	return k.ecdsa()
}

// Leaf returns a certificate with an ECDSA key for host: a host name, or an IP
// address with or without brackets and zone. It is minted on first use, kept in
// memory and replaced before it ends; its Leaf field is set and its chain is
// the leaf alone. Callers share it and must not change it. The error is ErrHost
// if host is neither, ErrExpired if the authority has ended meanwhile, or
// ctx's.
func (a *Authority) Leaf(ctx context.Context, host string) (*tls.Certificate, error) {
	return a.leaf(ctx, host, ecdsaLeaf)
}

// LeafFor returns a certificate that the sender of hello can use: for the
// server name it asks for, or for fallbackHost if it names none, with an ECDSA
// key, or an RSA key if that is all it can verify. The rest is as for Leaf.
func (a *Authority) LeafFor(hello *tls.ClientHelloInfo, fallbackHost string) (*tls.Certificate, error) {
	host := hello.ServerName
	if host == "" {
		host = fallbackHost
	}
	ctx := hello.Context()
	if ctx == nil { // a hello that crypto/tls did not make
		ctx = context.Background()
	}
	cert, err := a.leaf(ctx, host, ecdsaLeaf)
	if err != nil || hello.SupportsCertificate(cert) == nil {
		return cert, err
	}
	other, err := a.leaf(ctx, host, rsaLeaf)
	if err != nil || hello.SupportsCertificate(other) == nil {
		return other, err
	}
	// Neither helps, so the cause is not the key; crypto/tls will name it.
	return cert, nil
}

func (a *Authority) leaf(ctx context.Context, host string, kind leafKind) (*tls.Certificate, error) {
	// Most hosts come spelled as they are cached, and need no parsing.
	if cert := a.cached(leafID{host, kind}); cert != nil {
		return cert, nil
	}
	name, addr, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id := leafID{name, kind}
	minted, err, _ := a.minting.Do(string(kind)+" "+name, func() (any, error) {
		if cert := a.cached(id); cert != nil {
			return cert, nil
		}
		return a.issue(id, addr)
	})
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", name, err)
	}
	return minted.(*tls.Certificate), nil
}

// cached returns the leaf kept for id, nil if there is none or it is stale.
func (a *Authority) cached(id leafID) *tls.Certificate {
	l, ok := a.leaves.Get(id)
	if !ok || !a.now().Before(l.stale) {
		return nil
	}
	return &l.cert
}

// issue mints a leaf, keeps it and tells OnIssue.
func (a *Authority) issue(id leafID, addr netip.Addr) (*tls.Certificate, error) {
	l, err := a.mint(id, addr)
	if err != nil {
		return nil, err
	}
	a.leaves.Add(id, l)
	if a.OnIssue != nil {
		a.OnIssue(id.name, l.cert.Leaf.NotAfter)
	}
	return &l.cert, nil
}

func (a *Authority) mint(id leafID, addr netip.Addr) (*leaf, error) {
	now := a.now()
	if now.After(a.cert.NotAfter) {
		return nil, ErrExpired
	}
	key, err := a.leafKeys.signer(id.kind)
	if err != nil {
		return nil, err
	}
	template, err := leafTemplate(id, addr)
	if err != nil {
		return nil, err
	}
	var stale time.Time
	template.NotBefore, template.NotAfter, stale = a.validity(now)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.signer)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &leaf{
		cert:  tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed},
		stale: stale,
	}, nil
}

// validity returns when a leaf minted now begins and ends, within the
// authority's own validity, and when it is to be replaced: with a quarter of
// its life left, unless a new one could not last longer.
func (a *Authority) validity(now time.Time) (notBefore, notAfter, stale time.Time) {
	notBefore = now.Add(-backdate)
	notAfter = notBefore.Add(leafLife)
	stale = notAfter.Add(-leafLife / 4)
	if notBefore.Before(a.cert.NotBefore) {
		notBefore = a.cert.NotBefore
	}
	if notAfter.After(a.cert.NotAfter) {
		notAfter = a.cert.NotAfter
		stale = notAfter
	}
	return notBefore, notAfter, stale
}

// leafTemplate returns all of a leaf but its validity. It has no subject key
// identifier, and crypto/x509 adds none: SChannel fails to build a chain when
// leaves of one key carry the same one. The authority key identifier is copied
// from the authority's certificate.
func leafTemplate(id leafID, addr netip.Addr) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if id.kind == rsaLeaf {
		// TLS 1.2 clients without ECDHE send the key itself encrypted.
		template.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	if addr.IsValid() {
		template.IPAddresses = []net.IP{addr.AsSlice()}
	} else {
		template.DNSNames = []string{id.name}
	}
	// A name too long for a subject is left to the alternative name, which
	// crypto/x509 then marks critical (RFC 5280 section 4.2.1.6).
	if len(id.name) <= maxName {
		template.Subject = pkix.Name{CommonName: id.name}
	}
	return template, nil
}
