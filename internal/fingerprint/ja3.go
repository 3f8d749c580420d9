package fingerprint

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"strconv"
)

// JA3 returns the MD5 of what JA3 takes from a hello, in hexadecimal: version, cipher
// suites, extensions, groups and point formats, all in the client's order and without
// GREASE.
func JA3(h *tls.ClientHelloInfo) string {
	sum := md5.Sum(appendJA3(make([]byte, 0, 512), h))
	return hex.EncodeToString(sum[:])
}

// appendJA3 appends the text that JA3 is the sum of: decimal numbers, "-" between
// those of a list and "," between lists.
func appendJA3(dst []byte, h *tls.ClientHelloInfo) []byte {
	dst = strconv.AppendUint(dst, uint64(legacyVersion(h)), 10)
	dst = appendDecimal(append(dst, ','), h.CipherSuites)
	dst = appendDecimal(append(dst, ','), h.Extensions)
	dst = appendDecimal(append(dst, ','), h.SupportedCurves)
	dst = append(dst, ',')
	for i, point := range h.SupportedPoints {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = strconv.AppendUint(dst, uint64(point), 10)
	}
	return dst
}

func appendDecimal[T ~uint16](dst []byte, list []T) []byte {
	first := true
	for _, v := range list {
		if isGREASE(uint16(v)) {
			continue
		}
		if !first {
			dst = append(dst, '-')
		}
		first = false
		dst = strconv.AppendUint(dst, uint64(v), 10)
	}
	return dst
}
