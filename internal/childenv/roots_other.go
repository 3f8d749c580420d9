//go:build !windows

package childenv

import (
	"errors"
	"io/fs"
	"strings"
)

// systemBundles are where systems keep their roots in one file.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",                                 // Alpine, macOS, OpenBSD
	"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD
	"/etc/openssl/certs/ca-certificates.crt",            // NetBSD
}

// addSystem adds the roots of the system.
func (s *certSet) addSystem() error { return s.addFirst(systemBundles) }

// addFirst adds the first of files that exists.
func (s *certSet) addFirst(files []string) error {
	for _, file := range files {
		if err := s.addPath(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.New("none of " + strings.Join(files, ", ") + " exists")
}
