package record

import (
	"slices"

	"github.com/necto-dev/necto/traffic"
)

const (
	// longPayload is the length in bytes from which on a payload has memory of
	// its own.
	longPayload = 64 << 10
	// maxSpare is how much memory for payloads is kept for the next batch, in
	// bytes.
	maxSpare = 1 << 20
)

// batch is what the writer takes from the queue at once.
type batch struct {
	events []traffic.Event
	// frames and payloads have copies of what the FrameSeen among the events
	// refer to: an event's frame is gone when Observe returns. When one of them
	// has to grow, what points into the old one stays valid.
	frames   []traffic.Frame
	payloads []byte
}

// isLong reports whether a payload gets memory of its own.
func isLong(payload []byte) bool { return len(payload) >= longPayload }

// addFrame adds a FrameSeen with a copy of f, for which a long payload must be a
// copy already. Most of the time that allocates nothing.
func (b *batch) addFrame(f *traffic.Frame) {
	b.frames = append(b.frames, *f)
	mine := &b.frames[len(b.frames)-1]
	if !isLong(f.Payload) {
		start := len(b.payloads)
		b.payloads = append(b.payloads, f.Payload...)
		mine.Payload = b.payloads[start:len(b.payloads):len(b.payloads)]
	}
	mine.SHA256 = slices.Clone(f.SHA256)
	mine.Anomalies = slices.Clone(f.Anomalies)
	mine.Rules = slices.Clone(f.Rules)
	mine.Original = slices.Clone(f.Original) // there only if rules edit
	b.events = append(b.events, traffic.FrameSeen{Frame: mine})
}

// reset empties the batch and keeps its memory, but not what that referred to.
func (b *batch) reset() {
	clear(b.events)
	clear(b.frames)
	b.events, b.frames, b.payloads = b.events[:0], b.frames[:0], b.payloads[:0]
	if cap(b.payloads) > maxSpare {
		b.payloads = nil
	}
}
