package replay

import (
	"testing"
	"time"
)

func TestParseTiming(t *testing.T) {
	for text, want := range map[string]Timing{
		"instant": Instant, "recorded": Recorded, "1x": Recorded, "2x": 2, "0.5x": 0.5,
	} {
		if got, err := ParseTiming(text); err != nil || got != want {
			t.Errorf("ParseTiming(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "2", "-1x", "0x", "NaNx", "Infx", "1e9x", "fast", "2 x"} {
		if got, err := ParseTiming(text); err == nil {
			t.Errorf("ParseTiming(%q) = %v, want an error", text, got)
		}
	}
}

func TestTimingString(t *testing.T) {
	for _, timing := range []Timing{Instant, Recorded, 2, 0.5} {
		if again, err := ParseTiming(timing.String()); err != nil || again != timing {
			t.Errorf("%v reads back as %v, %v", timing, again, err)
		}
	}
}

func TestTimingScale(t *testing.T) {
	for timing, want := range map[Timing]time.Duration{Instant: 0, Recorded: time.Second, 2: time.Second / 2, 0.5: 2 * time.Second} {
		if got := timing.scale(time.Second); got != want {
			t.Errorf("%v.scale(1s) = %v, want %v", timing, got, want)
		}
	}
}
