package ca

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// What can be wrong with an authority's files. They are wrapped in an
// UnusableError.
var (
	// ErrKeyExposed says that users other than the owner can read the key.
	ErrKeyExposed = errors.New("other users can read the key")
	// ErrExpired says that the certificate is outside its validity.
	ErrExpired = errors.New("the certificate is not valid today")
	// ErrMismatch says that the certificate and the key do not belong together.
	ErrMismatch = errors.New("the certificate and the key do not belong together")
	// ErrNotCA says that the certificate may not sign others.
	ErrNotCA = errors.New("the certificate is not a certificate authority's")
)

// UnusableError says why the files of an authority are refused and what the
// user can do about it.
type UnusableError struct {
	// Path is the file concerned.
	Path string
	// Err is the cause, often one of the Err variables of this package.
	Err error

	hint string
}

func (e *UnusableError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnusableError) Unwrap() error { return e.Err }

// Hint returns the command that helps.
func (e *UnusableError) Hint() string { return e.hint }

// Authority signs leaf certificates. Create it with Load. Its methods may be
// called from many goroutines at once.
type Authority struct {
	// OnIssue, if not nil, is called once for each leaf minted, with the host
	// name or IP address it is for, before the leaf is first handed out. It is
	// set before the first leaf is asked for and may be called concurrently.
	OnIssue func(name string, notAfter time.Time)

	path    string
	certPEM []byte
	cert    *x509.Certificate
	signer  crypto.Signer

	leafKeys leafKeys
	leaves   *lru.Cache[leafID, *leaf]
	minting  singleflight.Group
	now      func() time.Time
}

// Dir returns the folder of the authority: dir itself if not empty, otherwise
// necto's folder in the user's configuration folder, $XDG_CONFIG_HOME/necto on
// Linux. It creates nothing.
func Dir(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder of the certificate authority: %w", err)
	}
	return filepath.Join(config, "necto"), nil
}

// Load returns the authority kept in dir; Dir says what an empty dir means. An
// authority that is absent is created; of several processes that do so at once
// all get the same one. Files that are no usable authority are an
// *UnusableError and stay as they are.
func Load(dir string) (*Authority, error) {
	dir, err := Dir(dir)
	if err != nil {
		return nil, err
	}
	pair, err := loadPair(dir)
	if errors.Is(err, fs.ErrNotExist) {
		pair, err = createPair(dir, time.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("load the certificate authority: %w", err)
	}
	return newAuthority(pair)
}

func newAuthority(p *pair) (*Authority, error) {
	cache, err := lru.New[leafID, *leaf](cachedLeaves)
	if err != nil {
		return nil, err
	}
	a := &Authority{
		path:     p.certPath,
		certPEM:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}),
		cert:     p.cert,
		signer:   p.signer,
		leafKeys: newLeafKeys(),
		leaves:   cache,
		now:      time.Now,
	}
	return a, a.check(p.keyPath)
}

// check refuses an authority whose leaves no client would accept.
func (a *Authority) check(keyPath string) error {
	refuse := func(err error) error {
		return fmt.Errorf("load the certificate authority: %w",
			&UnusableError{Path: a.path, Err: err, hint: replaceHint(a.path, keyPath)})
	}
	public, ok := a.signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(a.cert.PublicKey) {
		return refuse(ErrMismatch)
	}
	if !a.cert.IsCA {
		return refuse(ErrNotCA)
	}
	if now := a.now(); now.Before(a.cert.NotBefore) || now.After(a.cert.NotAfter) {
		return refuse(ErrExpired)
	}
	return nil
}

// replaceHint says how to get a new authority in place of a useless one.
func replaceHint(paths ...string) string {
	command := "rm"
	if runtime.GOOS == "windows" {
		command = "del"
	}
	for _, path := range paths {
		command += fmt.Sprintf(" %q", path)
	}
	return "run `" + command + "`; a new authority is created, and clients have to trust it anew"
}

// CertPEM returns the authority's certificate as PEM. The caller must not
// change it.
func (a *Authority) CertPEM() []byte { return a.certPEM }

// CertPath returns the absolute path of the certificate, a PEM file.
func (a *Authority) CertPath() string { return a.path }

// Certificate returns the authority's certificate. The caller must not change
// it.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// ID returns the eight hexadecimal digits that tell one authority from
// another; they are part of its subject.
func ID(cert *x509.Certificate) string {
	return hex.EncodeToString(keyID(cert.RawSubjectPublicKeyInfo))[:8]
}
