package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

const (
	certFile = "ca.pem"
	keyFile  = "ca.key"

	// backdate makes certificates valid for clients whose clock is behind.
	backdate = 24 * time.Hour
	// authorityYears is how long a new authority lasts.
	authorityYears = 10
	// maxName is the longest organizational unit name, RFC 5280 appendix A.1
	// ub-organizational-unit-name; a common name has the same bound.
	maxName = 64
)

// pair is an authority's certificate and key as they are on disk.
type pair struct {
	certPath, keyPath string
	cert              *x509.Certificate
	signer            crypto.Signer
}

// loadPair reads the authority in dir. It returns an error that is
// fs.ErrNotExist if the certificate is absent, whether or not there is a key.
//
// The certificate is read first: it is written after its key, so that a
// certificate without a key is never a creation that another process is in the
// middle of.
func loadPair(dir string) (*pair, error) {
	p := &pair{certPath: filepath.Join(dir, certFile), keyPath: filepath.Join(dir, keyFile)}
	var err error
	if p.cert, err = readCert(p.certPath); err != nil {
		return nil, err
	}
	p.signer, err = readKey(p.keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &UnusableError{
			Path: p.certPath,
			// Not wrapped: to the caller this is no absent authority.
			Err:  errors.New("its key " + keyFile + " is missing"),
			hint: replaceHint(p.certPath),
		}
	}
	return p, err
}

// ReadCertificate returns the certificate of the authority in dir and its
// path, without creating anything or looking at the key. The error is
// fs.ErrNotExist if there is no authority.
func ReadCertificate(dir string) (cert *x509.Certificate, path string, err error) {
	dir, err = Dir(dir)
	if err != nil {
		return nil, "", err
	}
	path = filepath.Join(dir, certFile)
	cert, err = readCert(path)
	return cert, path, err
}

func readCert(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, &UnusableError{Path: path, Err: errors.New("not a PEM certificate"), hint: replaceHint(path)}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &UnusableError{Path: path, Err: err, hint: replaceHint(path)}
	}
	return cert, nil
}

func readKey(path string) (crypto.Signer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := readPrivate(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, &UnusableError{Path: path, Err: errors.New("not a PKCS #8 PEM key"), hint: replaceHint(path)}
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, &UnusableError{Path: path, Err: err, hint: replaceHint(path)}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, &UnusableError{Path: path, Err: errors.New("the key cannot sign"), hint: replaceHint(path)}
	}
	return signer, nil
}

// createPair makes an authority in dir, or completes one: a key without a
// certificate is what a crash in the middle of an earlier creation left. The
// key is published before the certificate that is made from it, and neither
// ever replaces a file, so every process ends up with the same pair.
func createPair(dir string, now time.Time) (*pair, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	keyPath, certPath := filepath.Join(dir, keyFile), filepath.Join(dir, certFile)
	signer, err := readKey(keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		signer, err = createKey(keyPath)
	}
	if err != nil {
		return nil, err
	}
	der, err := selfSign(signer, now)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	err = publish(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadPair(dir)
}

// createKey publishes a new key at path, or returns the one that another
// process published there meanwhile.
func createKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	err = publish(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readKey(path)
	}
	return key, err
}

// selfSign returns a new authority certificate for signer's key as DER.
func selfSign(signer crypto.Signer, now time.Time) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id := keyID(spki)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			CommonName:         fmt.Sprintf("necto CA %x", id[:4]),
			Organization:       []string{"necto"},
			OrganizationalUnit: machine(),
		},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(authorityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          id,
	}
	return x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
}

// machine names this machine, for users who find several authorities in one
// trust store; nil if its name is not known or does not fit.
func machine() []string {
	host, err := os.Hostname()
	if err != nil || host == "" || len(host) > maxName {
		return nil
	}
	return []string{host}
}

// keyID is the subject key identifier of RFC 7093 section 2, method 1, taken
// over the whole SubjectPublicKeyInfo.
func keyID(spki []byte) []byte {
	sum := sha256.Sum256(spki)
	return sum[:20]
}

// newSerial returns a random positive serial number of at most 128 bits.
func newSerial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	for {
		serial, err := rand.Int(rand.Reader, limit)
		if err != nil || serial.Sign() > 0 {
			return serial, err
		}
	}
}

// exposed reports whether users other than the owner can read a file of this
// mode. Windows has no such bits; there the user's folder protects the key.
func exposed(mode fs.FileMode) bool {
	return runtime.GOOS != "windows" && mode.Perm()&0o077 != 0
}
