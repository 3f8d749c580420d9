package rules

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"sync/atomic"
)

// counter counts what became of the matches of one rule. It outlives the Set the
// rule is from.
type counter struct {
	matched atomic.Uint64 // times that all but every, probability and times held
	applied atomic.Uint64 // times that those held too
}

// admit counts a match of the rule of that name and reports whether it is one of
// those that count, and which one, from 1.
func (c *counter) admit(name string, m *Matcher) (uint64, bool) {
	n := c.matched.Add(1)
	if m.Every > 0 && n%uint64(m.Every) != 0 {
		return 0, false
	}
	if m.Probability != nil && !chosen(name, n, float64(*m.Probability)) {
		return 0, false
	}
	if m.Times == 0 {
		return c.applied.Add(1), true
	}
	for {
		applied := c.applied.Load()
		if applied >= uint64(m.Times) {
			return 0, false
		}
		if c.applied.CompareAndSwap(applied, applied+1) {
			return applied + 1, true
		}
	}
}

// chosen reports whether the n-th match of a rule is one of a share p of them.
// The answer is the same in every run, so that a test that failed fails again.
func chosen(name string, n uint64, p float64) bool {
	h := fnv.New64a()
	h.Write([]byte(name)) // a hash takes all
	h.Write(binary.BigEndian.AppendUint64(nil, n))
	// FNV spreads the last bytes badly over the high bits: finish as splitmix64 does.
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x)/float64(math.MaxUint64) < p
}
