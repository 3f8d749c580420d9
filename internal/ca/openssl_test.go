package ca

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// OpenSSL is stricter than crypto/x509 about extensions and key usage.
func TestLeafVerifiesWithOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: leaves are verified with crypto/x509 only")
	}
	dir := t.TempDir()
	a := load(t, dir)
	for _, host := range []string{"api.example.com", "127.0.0.1", "::1", strings.Repeat("long-label.", 8) + "example"} {
		for _, kind := range []leafKind{ecdsaLeaf, rsaLeaf} {
			cert, err := a.leaf(t.Context(), host, kind)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "leaf.pem")
			if err := os.WriteFile(file, []byte(pemOf("CERTIFICATE", cert.Certificate[0])), 0o600); err != nil {
				t.Fatal(err)
			}
			check := "-verify_hostname"
			if len(cert.Leaf.IPAddresses) > 0 {
				check = "-verify_ip"
			}
			out, err := exec.CommandContext(t.Context(), openssl, "verify", "-x509_strict", "-purpose", "sslserver",
				"-CAfile", a.CertPath(), check, host, file).CombinedOutput()
			if err != nil {
				t.Errorf("%s (%s): %v\n%s", host, kind, err, out)
			}
		}
	}
}
