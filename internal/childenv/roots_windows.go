package childenv

import (
	"errors"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// addSystem adds the roots of the system, which Windows keeps in a store
// rather than in a file.
func (s *certSet) addSystem() (err error) {
	name, err := windows.UTF16PtrFromString("ROOT")
	if err != nil {
		return err
	}
	store, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, windows.CertCloseStore(store, 0)) }()
	var cert *windows.CertContext
	for {
		// Each call frees the context of the one before.
		cert, err = windows.CertEnumCertificatesInStore(store, cert)
		if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) {
			return nil
		}
		if err != nil {
			return err
		}
		s.add(slices.Clone(unsafe.Slice(cert.EncodedCert, cert.Length)))
	}
}
