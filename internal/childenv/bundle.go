package childenv

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// replacingNames are the variables whose file takes the place of the roots a
// client has otherwise.
var replacingNames = []string{
	"SSL_CERT_FILE",                      // OpenSSL, Go, Ruby, Python, .NET, rustls-native-certs
	"CURL_CA_BUNDLE",                     // curl, Python requests
	"REQUESTS_CA_BUNDLE",                 // Python requests, pip, boto3
	"PIP_CERT",                           // pip
	"AWS_CA_BUNDLE",                      // AWS CLI and SDKs
	"GIT_SSL_CAINFO",                     // git
	"CARGO_HTTP_CAINFO",                  // cargo
	"npm_config_cafile",                  // npm
	"YARN_HTTPS_CA_FILE_PATH",            // Yarn 2 and later
	"NIX_SSL_CERT_FILE",                  // programs built by Nix
	"PERL_LWP_SSL_CA_FILE",               // Perl's LWP
	"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",   // gRPC's C core
	"HTTPLIB2_CA_CERTS",                  // Python httplib2
	"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", // gcloud
	"BUNDLE_SSL_CA_CERT",                 // Ruby's Bundler
	"HEX_CACERTS_PATH",                   // Elixir's Hex
	"CONDA_SSL_VERIFY",                   // conda
	"JULIA_SSL_CA_ROOTS_PATH",            // Julia
}

// addingNames are the variables whose file is trusted beside the roots a client
// has.
var addingNames = []string{
	"NODE_EXTRA_CA_CERTS", // Node.js, Bun
	"DENO_CERT",           // Deno
}

// addBundle sets the variables that replace a client's roots.
func (b *builder) addBundle() error {
	b.trusted = b.roots()
	var err error
	if b.bundle, err = b.writeCerts("bundle.pem", b.trusted); err != nil {
		return err
	}
	b.setAll(replacingNames, b.bundle)
	return nil
}

// addExtra sets the variables that add to a client's roots.
func (b *builder) addExtra() error {
	extra, err := b.writeCerts("extra-ca.pem", b.presetCerts(addingNames))
	if err != nil {
		return err
	}
	b.setAll(addingNames, extra)
	return nil
}

// roots returns what the child would trust otherwise, and the authority: the
// bundles preset for any client, or the system's. Bundles of several clients
// become one; all the child ever reaches by it is the proxy, which checks
// origins on its own.
func (b *builder) roots() *certSet {
	set := b.presetCerts(replacingNames)
	if len(set.der) > len(b.ca.der) {
		return set
	}
	if err := set.addSystem(); err != nil {
		b.note("the system's root certificates are missing from the command's bundle: %v", err)
	}
	return set
}

// presetCerts returns the authority and the certificates of the files that
// variables name.
func (b *builder) presetCerts(names []string) *certSet {
	set := b.ca.clone()
	var read []string
	for _, name := range names {
		path := b.get(name)
		if _, err := strconv.ParseBool(path); path == "" || err == nil || slices.Contains(read, path) {
			continue // CONDA_SSL_VERIFY may be a truth value, too
		}
		read = append(read, path)
		if err := set.addPath(path); err != nil {
			b.note("%s: left out of the command's bundle: %v", name, err)
		}
	}
	return set
}

func (b *builder) writeCerts(name string, set *certSet) (string, error) {
	return b.write(name, set.encode(), 0o644)
}

// certSet is certificates in order, each once. The zero value is empty.
type certSet struct {
	der  [][]byte
	seen map[string]bool
}

func (s *certSet) add(der []byte) {
	if s.seen == nil {
		s.seen = make(map[string]bool)
	}
	if !s.seen[string(der)] {
		s.seen[string(der)] = true
		s.der = append(s.der, der)
	}
}

func (s *certSet) clone() *certSet {
	c := new(certSet)
	for _, der := range s.der {
		c.add(der)
	}
	return c
}

// errNoCertificate says that a file that should hold certificates holds none.
var errNoCertificate = errors.New("no PEM certificate in it")

// addPath adds the certificates of a PEM file, or of all files of a folder.
func (s *certSet) addPath(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*")); err != nil {
			return err
		}
	}
	found := false
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		found = s.addPEM(data) || found
	}
	if !found {
		return &os.PathError{Op: "read", Path: path, Err: errNoCertificate}
	}
	return nil
}

// addPEM adds the certificates in data and reports whether there were any.
func (s *certSet) addPEM(data []byte) (found bool) {
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			return found
		}
		if block.Type == "CERTIFICATE" {
			s.add(block.Bytes)
			found = true
		}
	}
}

// encode returns the certificates as PEM.
func (s *certSet) encode() []byte {
	var out bytes.Buffer
	for _, der := range s.der {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return out.Bytes()
}
