package replay

import (
	"os"
	"slices"
)

const (
	// sampleSize is how many items of a file are known before the number of all is
	// estimated.
	sampleSize = 1024
	// maxReserved bounds the estimate, in items: a file may go on otherwise than it
	// begins.
	maxReserved = 4 << 20
)

// reserve returns list with room for as many items as a file of that size is
// likely to have, once it is called with the first sampleSize of them, which
// reach to an offset in it. A list that grows as it is filled has several times
// its size in memory.
func reserve[T any](list []T, known int, offset, size int64) []T {
	if known != sampleSize || offset <= 0 || size <= offset {
		return list
	}
	more := float64(known) * (float64(size)/float64(offset) - 1) * 1.02
	return slices.Grow(list, int(min(more, maxReserved)))
}

// sizeOf returns the size of the recording at path in bytes, 0 if it is not known.
func (o *Options) sizeOf(path string) int64 {
	if o.Root == nil {
		return sizeOfFile(path)
	}
	info, err := o.Root.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// sizeOfFile returns the size of a file in bytes, 0 if it is not known.
func sizeOfFile(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
