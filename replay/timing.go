package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Timing says when answers are sent: Instant, the zero value, at once, any
// other value at the recorded pace times that value.
type Timing float64

// The timings that have a name.
const (
	// Instant sends everything as fast as it is read.
	Instant Timing = 0
	// Recorded waits as long as the recorded origin took.
	Recorded Timing = 1
)

// ParseTiming reads "instant", "recorded", or a speed such as "2x" (half the
// recorded time) or "0.5x" (twice the recorded time).
func ParseTiming(s string) (Timing, error) {
	switch s {
	case "instant":
		return Instant, nil
	case "recorded":
		return Recorded, nil
	}
	number, ok := strings.CutSuffix(s, "x")
	speed, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(speed >= 0.001 && speed <= 1000) {
		return 0, fmt.Errorf(`timing %.40q: want instant, recorded, or a speed from 0.001x to 1000x such as "2x"`, s)
	}
	return Timing(speed), nil
}

// String returns the text that ParseTiming reads.
func (t Timing) String() string {
	switch t {
	case Instant:
		return "instant"
	case Recorded:
		return "recorded"
	}
	return strconv.FormatFloat(float64(t), 'g', -1, 64) + "x"
}

// scale returns how long a recorded duration takes at this timing, 0 for
// Instant.
func (t Timing) scale(d time.Duration) time.Duration {
	if t <= 0 || d <= 0 {
		return 0
	}
	return time.Duration(float64(d) / float64(t))
}
