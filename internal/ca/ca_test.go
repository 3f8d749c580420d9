package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// load returns the authority in dir.
func load(t testing.TB, dir string) *Authority {
	t.Helper()
	a, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadCreatesAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config", "necto")
	a := load(t, dir)

	cert := a.Certificate()
	if got, want := cert.Subject.CommonName, "necto CA "+ID(cert); got != want {
		t.Errorf("common name %q, want %q", got, want)
	}
	if !cert.IsCA || !cert.BasicConstraintsValid || !cert.MaxPathLenZero || cert.MaxPathLen != 0 {
		t.Errorf("basic constraints: CA %v, path length %d", cert.IsCA, cert.MaxPathLen)
	}
	if got, want := cert.KeyUsage, x509.KeyUsageCertSign|x509.KeyUsageCRLSign; got != want {
		t.Errorf("key usage %b, want %b", got, want)
	}
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key is a %T, want P-256", cert.PublicKey)
	}
	if len(cert.SubjectKeyId) == 0 {
		t.Error("no subject key identifier")
	}
	if end := time.Now().AddDate(10, 0, 0); cert.NotAfter.Sub(end).Abs() > time.Minute {
		t.Errorf("ends %v, want %v", cert.NotAfter, end)
	}
	for _, ext := range cert.Extensions {
		if ext.Id.String() == "2.5.29.19" && !ext.Critical {
			t.Error("basic constraints are not critical")
		}
	}

	if a.CertPath() != filepath.Join(dir, "ca.pem") {
		t.Errorf("path %q", a.CertPath())
	}
	onDisk, err := os.ReadFile(a.CertPath())
	if err != nil || !bytes.Equal(onDisk, a.CertPEM()) {
		t.Errorf("ca.pem differs from CertPEM: %v", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("folder holds %v, want ca.key and ca.pem: %v", names, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "ca.key"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v: %v", path, info.Mode().Perm(), want, err)
		}
	}
}

func TestLoadKeepsAuthority(t *testing.T) {
	dir := t.TempDir()
	if a, b := load(t, dir), load(t, dir); !a.Certificate().Equal(b.Certificate()) {
		t.Error("the second Load made another authority")
	}
}

func TestAuthoritiesAreUnique(t *testing.T) {
	a, b := load(t, t.TempDir()).Certificate(), load(t, t.TempDir()).Certificate()
	if bytes.Equal(a.RawSubject, b.RawSubject) || a.SerialNumber.Cmp(b.SerialNumber) == 0 {
		t.Errorf("%v and %v cannot be told apart", a.Subject, b.Subject)
	}
}

func TestLoadDefaultDir(t *testing.T) {
	config := t.TempDir()
	switch runtime.GOOS {
	case "windows":
		t.Setenv("AppData", config)
	case "darwin", "ios":
		t.Setenv("HOME", config)
	default:
		t.Setenv("XDG_CONFIG_HOME", config)
	}
	if path := load(t, "").CertPath(); !strings.HasPrefix(path, config) ||
		!strings.HasSuffix(path, filepath.Join("necto", "ca.pem")) {
		t.Errorf("default authority is at %s", path)
	}
}

// Processes that start at once must sign with one and the same authority.
func TestLoadConcurrently(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		loaded := make([]*Authority, 8)
		var wg sync.WaitGroup
		for i := range loaded {
			wg.Go(func() {
				a, err := Load(dir)
				if err != nil {
					t.Error(err)
					return
				}
				loaded[i] = a
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for _, a := range loaded {
			if !a.Certificate().Equal(loaded[0].Certificate()) {
				t.Fatal("two authorities came out of one folder")
			}
		}
	}
}

// A crash after the key was written and before the certificate was.
func TestLoadCompletesHalfAnAuthority(t *testing.T) {
	dir := t.TempDir()
	before := load(t, dir)
	if err := os.Remove(before.CertPath()); err != nil {
		t.Fatal(err)
	}
	after := load(t, dir)
	if !before.cert.PublicKey.(*ecdsa.PublicKey).Equal(after.cert.PublicKey) {
		t.Error("the key that was there is not the one used")
	}
	if after.Certificate().Equal(before.Certificate()) {
		t.Error("the removed certificate is back")
	}
}

func TestLoadRefuses(t *testing.T) {
	created := func(now time.Time) func(dir string) error {
		return func(dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			_, err := createPair(dir, now)
			return err
		}
	}
	tests := []struct {
		name string
		make func(dir string) error
		want error
		text string
	}{
		{"expired", created(time.Now().AddDate(-11, 0, 0)), ErrExpired, "ca.pem"},
		{"from the future", created(time.Now().AddDate(1, 0, 0)), ErrExpired, "ca.pem"},
		{"key of another", func(dir string) error {
			other := filepath.Join(dir, "other")
			if _, err := createPair(other, time.Now()); err != nil {
				return err
			}
			return os.Rename(filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key"))
		}, ErrMismatch, "belong together"},
		{"key missing", func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) }, nil, "ca.key is missing"},
		{"key is no PEM", write("ca.key", "garbage"), nil, "not a PKCS #8"},
		{"key is damaged", write("ca.key", pemOf("PRIVATE KEY", []byte("garbage"))), nil, "ca.key: "},
		{"certificate is empty", write("ca.pem", ""), nil, "not a PEM certificate"},
		{"certificate is damaged", write("ca.pem", pemOf("CERTIFICATE", []byte("garbage"))), nil, "ca.pem: "},
		{"not an authority", notAnAuthority, ErrNotCA, "ca.pem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			load(t, dir)
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Load(dir)
			var unusable *UnusableError
			if !errors.As(err, &unusable) || unusable.Hint() == "" {
				t.Fatalf("error %v, want an UnusableError with a hint", err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q does not say %q", err, tt.text)
			}
		})
	}
}

func write(name, content string) func(dir string) error {
	return func(dir string) error {
		return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// notAnAuthority replaces the certificate in dir by one that may not sign.
func notAnAuthority(dir string) error {
	p, err := loadPair(dir)
	if err != nil {
		return err
	}
	template := *p.cert
	template.IsCA, template.MaxPathLenZero = false, false
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, p.signer.Public(), p.signer)
	if err != nil {
		return err
	}
	return os.WriteFile(p.certPath, []byte(pemOf("CERTIFICATE", der)), 0o600)
}

func TestLoadRefusesExposedKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o660} {
		dir := t.TempDir()
		load(t, dir)
		key := filepath.Join(dir, "ca.key")
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(dir)
		var unusable *UnusableError
		if !errors.Is(err, ErrKeyExposed) || !errors.As(err, &unusable) {
			t.Fatalf("mode %v: error %v, want ErrKeyExposed", mode, err)
		}
		if !strings.Contains(unusable.Hint(), "chmod 600") || unusable.Path != key {
			t.Errorf("mode %v: path %s, hint %q", mode, unusable.Path, unusable.Hint())
		}
	}
}

func TestLoadUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(file, "necto")); err == nil {
		t.Error("an authority was created below a file")
	}
}

func TestReadCertificate(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := ReadCertificate(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("reading created %v", names)
	}
	a := load(t, dir)
	cert, path, err := ReadCertificate(dir)
	if err != nil || path != a.CertPath() || !cert.Equal(a.Certificate()) {
		t.Errorf("got %v at %s: %v", cert.Subject, path, err)
	}
}

func TestPublishNeverReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := publish(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(string, []byte, fs.FileMode) error{"publish": publish, "writeNew": writeNew} {
		if err := write(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s over a file: %v, want fs.ErrExist", name, err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("file holds %q: %v", got, err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}
