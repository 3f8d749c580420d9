package replay

import "testing"

func TestReserveMakesRoomOnce(t *testing.T) {
	tests := map[string]struct {
		known        int
		offset, size int64
		low, high    int
	}{
		"a sample":       {sampleSize, 1000, 10_000, 10 * sampleSize, 11 * sampleSize},
		"too early":      {sampleSize - 1, 1000, 10_000, sampleSize, sampleSize},
		"of no size":     {sampleSize, 1000, 0, sampleSize, sampleSize},
		"at the end":     {sampleSize, 1000, 1000, sampleSize, sampleSize},
		"beyond measure": {sampleSize, 1, 1 << 62, maxReserved, maxReserved + maxReserved/8},
	}
	for name, test := range tests {
		list := reserve(make([]uint16, sampleSize), test.known, test.offset, test.size)
		if n := cap(list); n < test.low || n > test.high || len(list) != sampleSize {
			t.Errorf("%s: length %d, capacity %d, want %d to %d", name, len(list), n, test.low, test.high)
		}
	}
}
