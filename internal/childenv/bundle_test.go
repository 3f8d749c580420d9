package childenv

import (
	"bytes"
	"encoding/pem"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A path that is wrong is an error to no client: Go and OpenSSL then trust
// nothing, without a word.
func TestCertificateVariables(t *testing.T) {
	a := authority(t)
	system := writeFile(t, string(authority(t).CertPEM()))
	env := build(t, Options{CACert: a.CertPath(), Environ: []string{"SSL_CERT_FILE=" + system}})
	got := values(env)
	for _, name := range []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
		"CARGO_HTTP_CAINFO", "npm_config_cafile", "NIX_SSL_CERT_FILE", "PERL_LWP_SSL_CA_FILE",
		"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "HTTPLIB2_CA_CERTS", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
		"YARN_HTTPS_CA_FILE_PATH", "BUNDLE_SSL_CA_CERT", "HEX_CACERTS_PATH", "CONDA_SSL_VERIFY", "JULIA_SSL_CA_ROOTS_PATH",
	} {
		if want := string(a.CertPEM()) + readFile(t, system); readFile(t, got[name]) != want {
			t.Errorf("%s is not the authority and what was preset", name)
		}
	}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT"} {
		if readFile(t, got[name]) != string(a.CertPEM()) {
			t.Errorf("%s is not the authority alone", name)
		}
	}
	if len(env.Notes()) > 0 {
		t.Errorf("notes about nothing lost: %q", env.Notes())
	}
}

func TestBundleMergesPresets(t *testing.T) {
	one, two, extra := string(authority(t).CertPEM()), string(authority(t).CertPEM()), string(authority(t).CertPEM())
	a := authority(t)
	both := writeFile(t, "# a comment\n"+one+two)
	env := build(t, Options{CACert: a.CertPath(), Environ: []string{
		"REQUESTS_CA_BUNDLE=" + writeFile(t, one),
		"SSL_CERT_FILE=" + both,
		"GIT_SSL_CAINFO=" + filepath.Dir(both), // a folder
		"CONDA_SSL_VERIFY=true",
		"NODE_EXTRA_CA_CERTS=" + writeFile(t, extra),
	}})
	got := values(env)
	if diff := cmp.Diff(string(a.CertPEM())+one+two, readFile(t, got["SSL_CERT_FILE"])); diff != "" {
		t.Errorf("bundle (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(string(a.CertPEM())+extra, readFile(t, got["NODE_EXTRA_CA_CERTS"])); diff != "" {
		t.Errorf("extra (-want +got):\n%s", diff)
	}
	if got["DENO_CERT"] != got["NODE_EXTRA_CA_CERTS"] {
		t.Errorf("DENO_CERT=%q", got["DENO_CERT"])
	}
	if len(env.Notes()) > 0 {
		t.Errorf("notes: %q", env.Notes())
	}
}

// Hosts that are not intercepted show certificates of public authorities.
func TestBundleHasSystemRoots(t *testing.T) {
	system := new(certSet)
	if err := system.addSystem(); err != nil {
		t.Skipf("this system has no roots: %v", err)
	}
	got := values(build(t, Options{}))
	bundle := new(certSet)
	if err := bundle.addPath(got["SSL_CERT_FILE"]); err != nil {
		t.Fatal(err)
	}
	if got, want := len(bundle.der), len(system.der)+1; got != want {
		t.Errorf("bundle of %d certificates, want %d", got, want)
	}
}

func FuzzAddPEM(f *testing.F) {
	f.Add(authority(f).CertPEM())
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set := new(certSet)
		if found := set.addPEM(data); found != (len(set.der) > 0) {
			t.Errorf("found %v, %d certificates", found, len(set.der))
		}
		again := new(certSet)
		again.addPEM(set.encode())
		if !bytes.Equal(set.encode(), again.encode()) {
			t.Error("encoding and reading again gives another set")
		}
		if block, _ := pem.Decode(set.encode()); block == nil && len(set.der) > 0 {
			t.Error("encoded certificates are no PEM")
		}
	})
}
