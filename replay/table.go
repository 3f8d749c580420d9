package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// position says where a line is: the file's number in the upper 16 bits, the
// offset in bytes in the others.
type position uint64

const (
	offsetBits = 48
	maxFiles   = 1 << (64 - offsetBits)
)

func positionOf(file int, offset int64) position {
	return position(file)<<offsetBits | position(offset)
}

func (p position) file() int     { return int(p >> offsetBits) }
func (p position) offset() int64 { return int64(p & (1<<offsetBits - 1)) }

// row is what Load knows of an exchange until the table is built.
type row struct {
	key     key
	nearby  nearby
	start   int64 // microseconds since its session began
	id      uint64
	at      position
	length  uint32
	session uint32 // counts the sessions of all files
	state   state
	call    bool // the key has messages of gRPC in it
}

// line says where the line of an exchange is.
type line struct {
	at     position
	length uint32
}

// slot is one key and the lines that have it, in the order they answer.
type slot struct {
	key          key
	first, count uint32
	served       atomic.Uint32
}

// table finds lines by key. Apart from the counts of what was served it does
// not change. It takes about 60 bytes for each line.
type table struct {
	lines []line
	slots []slot // in the order of their keys
	// buckets has, for each value of a key's leading bits, where its slots
	// begin: keys are hashes, so a bucket has about one.
	buckets []uint32
	shift   int
	around  []neighbour
}

// newTable takes rows, which it sorts.
func newTable(rows []row) *table {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(
			bytes.Compare(a.key[:], b.key[:]),
			cmp.Compare(a.session, b.session),
			cmp.Compare(a.start, b.start),
			cmp.Compare(a.at, b.at), // within a session that is the order of seq
		)
	})
	t := &table{lines: make([]line, len(rows)), around: newNeighbours(rows)}
	distinct := 0
	for i := range rows {
		t.lines[i] = line{rows[i].at, rows[i].length}
		if i == 0 || rows[i].key != rows[i-1].key {
			distinct++
		}
	}
	t.slots = make([]slot, distinct)
	next := -1
	for i := range rows {
		if i == 0 || rows[i].key != rows[i-1].key {
			next++
			t.slots[next].key, t.slots[next].first = rows[i].key, uint32(i)
		}
		t.slots[next].count++
	}
	t.fillBuckets()
	return t
}

func (t *table) fillBuckets() {
	width := bits.Len(uint(len(t.slots)))
	t.shift = 64 - width
	t.buckets = make([]uint32, 1<<width+1)
	for i := range t.slots {
		t.buckets[t.bucket(t.slots[i].key)+1]++
	}
	for i := 1; i < len(t.buckets); i++ {
		t.buckets[i] += t.buckets[i-1]
	}
}

func (t *table) bucket(k key) uint64 {
	return binary.BigEndian.Uint64(k[:]) >> t.shift
}

// find returns the slot of a key, nil if there is none.
func (t *table) find(k key) *slot {
	b := t.bucket(k)
	for i := t.buckets[b]; i < t.buckets[b+1]; i++ {
		if t.slots[i].key == k {
			return &t.slots[i]
		}
	}
	return nil
}

// next returns the number of the line that answers now, and moves on; the last
// one repeats.
func (s *slot) next() uint32 {
	last := s.count - 1
	if last == 0 || s.served.Load() >= last {
		return s.first + last
	}
	return s.first + min(s.served.Add(1)-1, last)
}

// peek returns the number of the line that next would return.
func (s *slot) peek() uint32 {
	return s.first + min(s.served.Load(), s.count-1)
}
