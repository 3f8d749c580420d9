package h2

import "slices"

// gate wakes the one goroutine that waits at it. It may be woken without a
// reason: who waits looks again. The zero gate has nobody waiting; most streams
// never wait, so that theirs is made when they do.
type gate chan struct{}

// made returns the gate, which is made if it was not.
func (g *gate) made() gate {
	if *g == nil {
		*g = make(gate, 1)
	}
	return *g
}

// open lets through who waits, or who waits next. Nothing happens if it was not
// made.
func (g gate) open() {
	select {
	case g <- struct{}{}:
	default:
	}
}

// line is who waits for the same thing, in the order of arrival. The zero line
// is empty. Conn.mu guards it.
type line struct{ waiting []gate }

// free reports whether nobody is in front of g, which may be in the line itself.
func (l *line) free(g gate) bool { return len(l.waiting) == 0 || l.waiting[0] == g }

// join puts g at the end of the line, unless it is in it.
func (l *line) join(g gate) {
	if !slices.Contains(l.waiting, g) {
		l.waiting = append(l.waiting, g)
	}
}

// leave takes g out of the line, in which it may be.
func (l *line) leave(g gate) {
	if i := slices.Index(l.waiting, g); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
}

// wake lets the first one look again.
func (l *line) wake() {
	if len(l.waiting) > 0 {
		l.waiting[0].open()
	}
}

// wakeAll lets all look again.
func (l *line) wakeAll() {
	for _, g := range l.waiting {
		g.open()
	}
}
