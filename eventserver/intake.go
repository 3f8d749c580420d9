package eventserver

import (
	"sync"
	"time"
)

// The bounds of the time that notes wait to be digested.
const (
	// noteTime is how long the first waits for company, and segmentEntries new
	// exchanges are company enough.
	noteTime = 100 * time.Millisecond
	// gatherTime is what lies between two digestions at least, so that under load
	// one takes many notes, unless there is something urgent.
	gatherTime = 5 * time.Millisecond
)

// The bounds of the notes that wait: who observes more digests them itself.
const (
	maxNotes     = 4096
	maxNoteBytes = 4 << 20
)

// intake is where observed events wait to be digested, so that observing one takes
// next to no time. It is woken by a timer.
type intake struct {
	timer *time.Timer

	mu sync.Mutex // guards the fields below
	// notes are events that announce what they need, and items of what is gone when
	// Observe returns.
	notes []any
	// entries counts the exchanges that begin in notes, bytes is what notes hold
	// beside exchanges.
	entries int
	bytes   int64
	// taken is when the notes before were taken.
	taken  time.Time
	closed bool
}

// newIntake returns an intake that calls digest when notes have waited long enough.
func newIntake(digest func()) *intake {
	in := &intake{timer: time.AfterFunc(time.Hour, digest)}
	in.timer.Stop()
	return in
}

// weight is what a note adds to the reasons not to wait.
type weight struct {
	entry, urgent bool
	bytes         int64
}

// put adds a note. It returns false if the intake is closed; full says that the
// caller is to digest what there is.
func (in *intake) put(note any, w weight) (full, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false, false
	}
	in.notes = append(in.notes, note)
	if len(in.notes) == 1 {
		in.timer.Reset(noteTime)
	}
	if w.entry {
		if in.entries++; in.entries == segmentEntries {
			in.timer.Reset(max(0, gatherTime-time.Since(in.taken)))
		}
	}
	if w.urgent {
		in.timer.Reset(0)
	}
	in.bytes += w.bytes
	return len(in.notes) >= maxNotes || in.bytes >= maxNoteBytes, true
}

// take returns the notes. spare, which is empty, is used for the next.
func (in *intake) take(spare []any) []any {
	in.mu.Lock()
	defer in.mu.Unlock()
	notes := in.notes
	if len(notes) == 0 {
		return nil
	}
	in.timer.Stop()
	in.notes, in.entries, in.bytes, in.taken = spare, 0, 0, time.Now()
	return notes
}

// close makes put refuse notes.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
}
