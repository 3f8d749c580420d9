package replay

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// digest identifies content. It is seeded anew in each process, which is as
// long as an index lives, so that nobody can construct two contents that have
// the same one. The zero value is the digest of no content.
type digest struct{ hi, lo uint64 }

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// Domains keep apart what has the same bytes and another meaning.
const (
	domainRaw byte = iota + 1
	domainForm
	domainMultipart
	domainString
	domainNumber
	domainLiteral
	domainArray
	domainObject
	domainSecret
	domainMessage // of gRPC
	domainCall
)

// hashBytes returns the digest of p in a domain.
func hashBytes(domain byte, p []byte) digest {
	d := digest{maphash.Bytes(seeds[0], p), maphash.Bytes(seeds[1], p)}
	return d.in(domain)
}

// in moves a digest to a domain.
func (d digest) in(domain byte) digest {
	d.hi ^= uint64(domain) * 0x9e3779b97f4a7c15 // 2^64/phi, to touch all bits
	return d
}

// then returns the digest of d followed by next.
func (d digest) then(next digest) digest {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], d.hi)
	binary.LittleEndian.PutUint64(b[8:], d.lo)
	binary.LittleEndian.PutUint64(b[16:], next.hi)
	binary.LittleEndian.PutUint64(b[24:], next.lo)
	return digest{maphash.Bytes(seeds[0], b[:]), maphash.Bytes(seeds[1], b[:])}
}

// plus adds without regard to order, modulo 2^128.
func (d digest) plus(other digest) digest {
	lo, carry := bits.Add64(d.lo, other.lo, 0)
	hi, _ := bits.Add64(d.hi, other.hi, carry)
	return digest{hi, lo}
}
