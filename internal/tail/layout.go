package tail

import "strings"

// layout says what the lines have, as far as the terminal's width goes.
type layout struct {
	// width is that of the terminal in columns, 0 for lines of any length.
	width int
	// stamp is how a time is written.
	stamp string
	// method is the width of the methods; measures says whether there are sizes
	// and durations.
	method   int
	measures bool
}

// Terminals of less than wide columns get shorter times and URLs, those of less
// than narrow no sizes and durations. No URL gets less than minURL columns.
const (
	wide   = 100
	narrow = 60
	minURL = 12
)

// layoutOf returns the layout for a width, 0 for lines of any length.
func layoutOf(width int) layout {
	l := layout{width: width, stamp: "[15:04:05.000]", method: 7, measures: true}
	switch {
	case width == 0 || width >= wide:
	case width >= narrow:
		l.stamp, l.method = "15:04:05", 4
	default:
		l.stamp, l.method, l.measures = "15:04", 4, false
	}
	return l
}

// shorten leaves out what most URLs begin with where columns are few.
func (l *layout) shorten(url string) string {
	if l.width == 0 || l.width >= wide {
		return url
	}
	scheme, rest, _ := strings.Cut(url, "://")
	if scheme == "http" || scheme == "https" {
		return rest
	}
	return url
}
