package wsframe

import (
	"encoding/binary"
	"math/bits"
)

// Mask masks or unmasks p in place (RFC 6455 section 5.3). pos is how many bytes
// of the same payload came before p; only its remainder by 4 matters.
func Mask(key [4]byte, pos int, p []byte) { maskTo(p, p, key, pos) }

// maskTo masks src into dst, which has at least its length and is either the
// same or does not overlap it.
func maskTo(dst, src []byte, key [4]byte, pos int) {
	k32 := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(pos&3))
	k := uint64(k32)<<32 | uint64(k32)
	dst = dst[:len(src)]
	for len(src) >= 64 && len(dst) >= 64 {
		// Arrays, and the second condition, spare bounds checks.
		s, d := (*[64]byte)(src), (*[64]byte)(dst)
		binary.LittleEndian.PutUint64(d[:], binary.LittleEndian.Uint64(s[:])^k)
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(s[8:])^k)
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(s[16:])^k)
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(s[24:])^k)
		binary.LittleEndian.PutUint64(d[32:], binary.LittleEndian.Uint64(s[32:])^k)
		binary.LittleEndian.PutUint64(d[40:], binary.LittleEndian.Uint64(s[40:])^k)
		binary.LittleEndian.PutUint64(d[48:], binary.LittleEndian.Uint64(s[48:])^k)
		binary.LittleEndian.PutUint64(d[56:], binary.LittleEndian.Uint64(s[56:])^k)
		src, dst = src[64:], dst[64:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^k)
		src, dst = src[8:], dst[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(k)
		k = bits.RotateLeft64(k, -8)
	}
}
