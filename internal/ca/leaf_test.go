package ca

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLeaf(t *testing.T) {
	a := load(t, t.TempDir())
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	long := strings.Repeat("a-long-label.", 6) + "example"

	tests := []struct {
		name, host string
		verify     string // the name a client checks
		dns        []string
		ips        []string
		common     string
	}{
		{"name", "api.example.com", "api.example.com", []string{"api.example.com"}, nil, "api.example.com"},
		{"mixed case", "API.Example.COM", "api.example.com", []string{"api.example.com"}, nil, "api.example.com"},
		{"dot at the end", "example.com.", "example.com", []string{"example.com"}, nil, "example.com"},
		{"one label", "localhost", "localhost", []string{"localhost"}, nil, "localhost"},
		{"underscore", "my_host.test", "my_host.test", []string{"my_host.test"}, nil, "my_host.test"},
		{"punycode", "xn--bcher-kva.example", "xn--bcher-kva.example", []string{"xn--bcher-kva.example"}, nil, "xn--bcher-kva.example"},
		{"too long for a common name", long, long, []string{long}, nil, ""},
		{"IPv4", "127.0.0.1", "127.0.0.1", nil, []string{"127.0.0.1"}, "127.0.0.1"},
		{"IPv6", "::1", "::1", nil, []string{"::1"}, "::1"},
		{"IPv6 in brackets", "[2001:DB8::1]", "2001:db8::1", nil, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 with a zone", "fe80::1%eth0", "fe80::1", nil, []string{"fe80::1"}, "fe80::1"},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", "10.0.0.1", nil, []string{"10.0.0.1"}, "10.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert, err := a.Leaf(t.Context(), tt.host)
			if err != nil {
				t.Fatal(err)
			}
			leaf := cert.Leaf
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: tt.verify}); err != nil {
				t.Errorf("verify: %v", err)
			}
			if diff := cmp.Diff(tt.dns, leaf.DNSNames); diff != "" {
				t.Errorf("DNS names (-want +got):\n%s", diff)
			}
			var ips []string
			for _, ip := range leaf.IPAddresses {
				ips = append(ips, ip.String())
			}
			if diff := cmp.Diff(tt.ips, ips); diff != "" {
				t.Errorf("IP addresses (-want +got):\n%s", diff)
			}
			if leaf.Subject.CommonName != tt.common {
				t.Errorf("common name %q, want %q", leaf.Subject.CommonName, tt.common)
			}
			checkProfile(t, a, cert)
		})
	}
}

// checkProfile checks what every leaf has in common.
func checkProfile(t *testing.T, a *Authority, cert *tls.Certificate) {
	t.Helper()
	leaf := cert.Leaf
	if len(cert.Certificate) != 1 {
		t.Errorf("chain of %d, want the leaf alone", len(cert.Certificate))
	}
	if len(leaf.SubjectKeyId) != 0 {
		t.Error("a subject key identifier, want none")
	}
	if !bytes.Equal(leaf.AuthorityKeyId, a.Certificate().SubjectKeyId) {
		t.Error("authority key identifier differs from the authority's subject key identifier")
	}
	if diff := cmp.Diff([]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, leaf.ExtKeyUsage); diff != "" {
		t.Errorf("extended key usage (-want +got):\n%s", diff)
	}
	if bits := leaf.SerialNumber.BitLen(); bits < 64 || bits > 128 {
		t.Errorf("serial number of %d bits", bits)
	}
	if leaf.IsCA {
		t.Error("the leaf may sign")
	}
	for _, ext := range leaf.Extensions {
		if ext.Id.String() == "2.5.29.17" && ext.Critical != (leaf.Subject.CommonName == "") {
			t.Errorf("alternative name critical: %v, subject %q", ext.Critical, leaf.Subject)
		}
	}
}

func TestLeafBadHost(t *testing.T) {
	a := load(t, t.TempDir())
	a.OnIssue = func(name string, _ time.Time) { t.Errorf("issued for %q", name) }
	for _, host := range []string{
		"", ".", "..", "a..b", ".example.com", "*.example.com", "a b", "a\x00b", "a\r\nb", "exämple.com",
		"example.com:443", "user@example.com", "a/b", "[example.com]", "[::1", "1.2.3.4:443",
		strings.Repeat("a", 64) + ".example", strings.Repeat("abcd.", 50) + "example",
	} {
		if cert, err := a.Leaf(t.Context(), host); !errors.Is(err, ErrHost) {
			t.Errorf("Leaf(%q) = %v, %v, want ErrHost", host, cert, err)
		}
	}
}

func TestLeafCanceled(t *testing.T) {
	a := load(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Leaf(ctx, "example.com"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestLeafLife(t *testing.T) {
	a := load(t, t.TempDir())
	now := time.Now()
	a.now = func() time.Time { return now }
	first := leafAt(t, a)
	if got := first.NotAfter.Sub(first.NotBefore); got != 45*24*time.Hour {
		t.Errorf("valid for %v, want 45 days", got)
	}
	if got := now.Sub(first.NotBefore); got < 23*time.Hour || got > 25*time.Hour {
		t.Errorf("backdated by %v, want 24 h", got)
	}

	now = now.Add(30 * 24 * time.Hour)
	if leafAt(t, a) != first {
		t.Error("minted anew with 14 of 45 days left")
	}
	now = now.Add(3 * 24 * time.Hour)
	second := leafAt(t, a)
	if second == first {
		t.Error("still the first leaf with 11 of 45 days left")
	}
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("two leaves with one serial number")
	}

	// Near the authority's own end.
	now = a.cert.NotAfter.Add(-time.Hour)
	last := leafAt(t, a)
	if !last.NotAfter.Equal(a.cert.NotAfter) {
		t.Errorf("ends %v, the authority %v", last.NotAfter, a.cert.NotAfter)
	}
	if leafAt(t, a) != last {
		t.Error("a leaf that cannot last longer is minted anew each time")
	}
	now = a.cert.NotAfter.Add(time.Second)
	if _, err := a.Leaf(t.Context(), "example.com"); !errors.Is(err, ErrExpired) {
		t.Errorf("after the authority's end: %v, want ErrExpired", err)
	}
}

func leafAt(t *testing.T, a *Authority) *x509.Certificate {
	t.Helper()
	cert, err := a.Leaf(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf
}

func TestLeafIsMintedOnce(t *testing.T) {
	a := load(t, t.TempDir())
	var issued sync.Map
	a.OnIssue = func(name string, notAfter time.Time) {
		count, _ := issued.LoadOrStore(name, new(atomic.Int32))
		count.(*atomic.Int32).Add(1)
		if !notAfter.After(time.Now()) {
			t.Errorf("%s ends %v", name, notAfter)
		}
	}
	var wg sync.WaitGroup
	for i := range 64 {
		host := fmt.Sprintf("host-%d.Example", i%8)
		wg.Go(func() {
			cert, err := a.Leaf(t.Context(), host)
			if err != nil {
				t.Error(err)
			} else if err := cert.Leaf.VerifyHostname(host); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		name := fmt.Sprintf("host-%d.example", i)
		count, ok := issued.Load(name)
		if !ok || count.(*atomic.Int32).Load() != 1 {
			t.Errorf("%s was not issued exactly once", name)
		}
	}
}

// Clients that cannot verify ECDSA still connect.
func TestLeafForHandshake(t *testing.T) {
	a := load(t, t.TempDir())
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	rsaOnly := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	tests := []struct {
		name   string
		client *tls.Config
		rsa    bool
	}{
		{"server name", &tls.Config{ServerName: "sni.example"}, false},
		{"no server name", &tls.Config{ServerName: "127.0.0.1"}, false},
		{"no ECDSA", &tls.Config{ServerName: "sni.example", CipherSuites: rsaOnly, MaxVersion: tls.VersionTLS12}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.client.RootCAs = roots
			leaf := handshake(t, tt.client, &tls.Config{
				GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
					return a.LeafFor(hello, "127.0.0.1")
				},
			})
			want := x509.KeyUsageDigitalSignature
			if tt.rsa {
				want |= x509.KeyUsageKeyEncipherment
				if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
					t.Errorf("key is a %T, want RSA-2048", leaf.PublicKey)
				}
			} else if _, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok {
				t.Errorf("key is a %T, want ECDSA", leaf.PublicKey)
			}
			if leaf.KeyUsage != want {
				t.Errorf("key usage %b, want %b", leaf.KeyUsage, want)
			}
		})
	}
}

// handshake returns the certificate that client saw of server.
func handshake(t *testing.T, client, server *tls.Config) *x509.Certificate {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan error, 1)
	go func() {
		defer far.Close()
		done <- tls.Server(far, server).Handshake()
	}()
	conn := tls.Client(near, client)
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	near.Close()
	<-done
	if t.Failed() {
		t.FailNow()
	}
	return conn.ConnectionState().PeerCertificates[0]
}

func TestLeafForBadName(t *testing.T) {
	a := load(t, t.TempDir())
	if _, err := a.LeafFor(&tls.ClientHelloInfo{}, ""); !errors.Is(err, ErrHost) {
		t.Errorf("no name at all: %v, want ErrHost", err)
	}
	if _, err := a.LeafFor(&tls.ClientHelloInfo{ServerName: "a b"}, "example.com"); !errors.Is(err, ErrHost) {
		t.Errorf("a server name that is none: %v, want ErrHost", err)
	}
}

func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"example.com", "[::1]", "fe80::1%eth0", "1.2.3.4", "a..b", "*.x", "", "A_b.C."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, addr, err := parseHost(host)
		if err != nil {
			return
		}
		again, sameAddr, err := parseHost(name)
		if err != nil || again != name || sameAddr != addr {
			t.Errorf("%q became %q, and that %q: %v", host, name, again, err)
		}
		if len(name) > maxHost || name != strings.ToLower(name) {
			t.Errorf("%q became %q", host, name)
		}
	})
}

func BenchmarkLeafMint(b *testing.B) {
	a := load(b, b.TempDir())
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		if _, err := a.Leaf(b.Context(), fmt.Sprintf("host-%d.example", n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeafCached(b *testing.B) {
	a := load(b, b.TempDir())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Leaf(b.Context(), "api.example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
