package fingerprint

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"slices"
)

const (
	hexDigits = "0123456789abcdef"
	// maxCount is as high as two digits count.
	maxCount = 99
	// noValues is in the place of the sum of an empty list.
	noValues = "000000000000"
)

// JA4 returns the fingerprint of a hello over TCP as the specification of JA4
// prints it, 36 characters: t13d1516h2_8daaf6152771_e5627efa2ab1. GREASE does not
// count.
func JA4(h *tls.ClientHelloInfo) string {
	ciphers, extensions := known(h.CipherSuites), known(h.Extensions)
	name := byte('i')
	if slices.Contains(extensions, extServerName) {
		name = 'd'
	}
	out := append(make([]byte, 0, 36), 't')
	out = append(out, versionJA4(highestVersion(h))...)
	out = append(out, name)
	out = appendCount(out, len(ciphers))
	out = appendCount(out, len(extensions))
	out = appendALPN(out, h.SupportedProtos)

	slices.Sort(ciphers)
	out = appendSum(append(out, '_'), appendHex(nil, ciphers))

	extensions = slices.DeleteFunc(extensions, func(e uint16) bool { return e == extServerName || e == extALPN })
	slices.Sort(extensions)
	list := appendHex(make([]byte, 0, 256), extensions)
	if signatures := known(h.SignatureSchemes); len(signatures) > 0 && len(list) > 0 {
		list = appendHex(append(list, '_'), signatures)
	}
	return string(appendSum(append(out, '_'), list))
}

// known returns the values that are not GREASE.
func known[T ~uint16](list []T) []uint16 {
	out := make([]uint16, 0, len(list))
	for _, v := range list {
		if !isGREASE(uint16(v)) {
			out = append(out, uint16(v))
		}
	}
	return out
}

func versionJA4(version uint16) string {
	switch version {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	case versionSSL30:
		return "s3"
	}
	return "00"
}

func appendCount(dst []byte, n int) []byte {
	n = min(n, maxCount)
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// appendALPN appends the ends of the first protocol: as they are if both are letters
// or digits, else those of its hexadecimal form.
func appendALPN(dst []byte, protocols []string) []byte {
	if len(protocols) == 0 || protocols[0] == "" {
		return append(dst, "00"...)
	}
	first, last := protocols[0][0], protocols[0][len(protocols[0])-1]
	if isAlphanumeric(first) && isAlphanumeric(last) {
		return append(dst, first, last)
	}
	return append(dst, hexDigits[first>>4], hexDigits[last&15])
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// appendHex appends the values with four digits each and a comma between them.
func appendHex(dst []byte, list []uint16) []byte {
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, hexDigits[v>>12], hexDigits[v>>8&15], hexDigits[v>>4&15], hexDigits[v&15])
	}
	return dst
}

// appendSum appends the first twelve hexadecimal digits of the SHA-256 of a list.
func appendSum(dst, list []byte) []byte {
	if len(list) == 0 {
		return append(dst, noValues...)
	}
	sum := sha256.Sum256(list)
	return hex.AppendEncode(dst, sum[:len(noValues)/2])
}
