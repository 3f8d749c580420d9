package main

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// statusInterval is how often the status line is redrawn.
const statusInterval = 250 * time.Millisecond

// status keeps the user informed on standard error: a line that is redrawn
// where that can be done, and notes.
type status struct {
	io   stdio
	text func() string
	stop chan struct{}
	done sync.WaitGroup

	mu  sync.Mutex               // guards bar and what is written to io.err
	bar *progressbar.ProgressBar // nil without a status line
}

// newStatus starts a status. text is what the line says, called from a
// goroutine. live asks for the line; without a terminal there is none anyway.
func newStatus(io stdio, live bool, text func() string) *status {
	s := &status{io: io, text: text, stop: make(chan struct{})}
	if !live || !io.live() {
		return s
	}
	s.bar = progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(io.err),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // redraw is the only clock
		progressbar.OptionSetElapsedTime(false),
	)
	s.done.Go(s.redraw)
	return s
}

func (s *status) redraw() {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for {
		text := s.text()
		s.mu.Lock()
		s.bar.Describe(text)
		s.mu.Unlock()
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
	}
}

// note tells the user something, above the status line.
func (s *status) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		_ = s.bar.Clear() // a terminal that is gone shows in the next write
	}
	s.io.note(format, args...)
}

// close removes the line.
func (s *status) close() {
	close(s.stop)
	s.done.Wait()
	if s.bar != nil {
		_ = s.bar.Clear()
	}
}
