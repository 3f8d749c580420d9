package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// key is what must be equal for a recorded exchange to answer a request: a
// hash of place (scheme and authority) mixed with a hash of everything else, so
// that a lookup can try several places without hashing again.
type key [16]byte

// at returns the key of a request at a place, where k is its partial key.
func (k key) at(place key) key {
	for i := range k {
		k[i] ^= place[i]
	}
	return k
}

// partialKey hashes method, path, query and content.
func partialKey(method, target string, body digest, tol *tolerance) key {
	if tol.masked {
		target = record.MaskURL(target)
	}
	var stack [512]byte
	b := appendSized(stack[:0], method)
	path, query, _ := strings.Cut(target, "?")
	start := len(b)
	b = append(b, 0, 0, 0, 0) // the size of the path, which normalising changes
	b = appendPath(b, path)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	b = binary.LittleEndian.AppendUint64(b, body.hi)
	b = binary.LittleEndian.AppendUint64(b, body.lo)
	if query != "" {
		b = appendPairs(b, query, tol, tol.query)
	}
	return hashKey(b)
}

// placeKey hashes scheme and authority.
func placeKey(u traffic.URL) key {
	var stack [128]byte
	return hashKey(appendPlace(stack[:0], u))
}

// hashKey returns SHA-256 of b, truncated.
func hashKey(b []byte) key {
	sum := sha256.Sum256(b)
	return key(sum[:16])
}

// appendSized appends s behind its length, so that no two sequences of strings
// have the same bytes.
func appendSized(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s))+1)
	return append(dst, s...)
}
