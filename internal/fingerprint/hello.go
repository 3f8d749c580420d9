package fingerprint

import (
	"crypto/tls"
	"slices"
)

// Extensions with a meaning of their own (RFC 8446 section 4.2).
const (
	extServerName        = 0
	extALPN              = 16
	extSupportedVersions = 43
)

// versionSSL30 is what a hello is that has no version of TLS.
const versionSSL30 = 0x0300

// isGREASE reports whether v is one of the values that clients send at random so
// that servers stay tolerant (RFC 8701): 0x0a0a, 0x1a1a and so on.
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// legacyVersion returns the version field of the hello itself.
func legacyVersion(h *tls.ClientHelloInfo) uint16 {
	if slices.Contains(h.Extensions, extSupportedVersions) {
		return tls.VersionTLS12
	}
	return highestVersion(h)
}

// highestVersion returns the highest version that the client supports.
func highestVersion(h *tls.ClientHelloInfo) uint16 {
	highest := uint16(0)
	for _, v := range h.SupportedVersions {
		if !isGREASE(v) {
			highest = max(highest, v)
		}
	}
	if highest == 0 && !slices.Contains(h.Extensions, extSupportedVersions) {
		return versionSSL30
	}
	return highest
}
