package mockttp

import (
	"strconv"
	"time"
)

// clock writes times as Mockttp does: wall clock in whole milliseconds since the
// epoch, and a clock that never goes backwards, in milliseconds with a fraction,
// whose values mean something only beside each other.
type clock struct {
	zero time.Time // of the second one
}

func newClock() clock { return clock{zero: time.Now()} }

// appendTime appends the wall clock.
func (clock) appendTime(dst []byte, t time.Time) []byte {
	return strconv.AppendInt(dst, t.UnixMilli(), 10)
}

// appendTimestamp appends the other one. A recording has wall clock only, which
// then serves as both.
func (c clock) appendTimestamp(dst []byte, t time.Time) []byte {
	since := t.UnixNano()
	if isMonotonic(t) {
		since = int64(t.Sub(c.zero))
	}
	if since < 0 {
		dst = append(dst, '-')
		since = -since
	}
	dst = strconv.AppendInt(dst, since/1e6, 10)
	dst = append(dst, '.')
	for digit := int64(1e5); digit > 0; digit /= 10 {
		dst = append(dst, byte('0'+since/digit%10))
	}
	return dst
}

// isMonotonic reports whether t has a reading of the monotonic clock.
func isMonotonic(t time.Time) bool { return t != t.Round(0) }
