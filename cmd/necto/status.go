package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
)

// statusInterval is how often the status line is redrawn.
const statusInterval = 250 * time.Millisecond

// status keeps the user informed on standard error: notes, and where it can be
// redrawn a line that says how far things are. Its methods may be called
// concurrently, but for show and close.
type status struct {
	io   stdio
	stop chan struct{} // closed to end redraw
	done sync.WaitGroup

	mu  sync.Mutex               // guards bar, once shown, and what is written to io.err
	bar *progressbar.ProgressBar // nil without a line
}

// newStatus returns a status that has no line yet. From then on notes that nobody
// reads any more, as in "2>&1 | head", are lost: without Notify the signal for
// that would end the process, and with it the recording. It is not ignored,
// because commands would inherit that.
func newStatus(io stdio) *status {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return &status{io: io, stop: make(chan struct{})}
}

// show starts the line if standard error is a terminal. text is what it says,
// called from a goroutine until close.
func (s *status) show(text func() string) {
	if !s.io.live() {
		return
	}
	s.mu.Lock()
	s.bar = progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(s.io.err),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // redraw is the only clock
		progressbar.OptionSetElapsedTime(false),
	)
	s.mu.Unlock()
	s.done.Go(func() { s.redraw(text) })
}

func (s *status) redraw(text func() string) {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for {
		line := text()
		s.mu.Lock()
		s.bar.Describe(line)
		s.mu.Unlock()
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
	}
}

// note tells the user something, above the line.
func (s *status) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		_ = s.bar.Clear() // a terminal that is gone shows in the next write
	}
	s.io.note(format, args...)
}

// log returns a logger whose warnings become notes.
func (s *status) log() *slog.Logger {
	return slog.New(&noteHandler{status: s})
}

// noteHandler spells warnings for people: the message, then the facts.
type noteHandler struct {
	status *status
	attrs  []slog.Attr
}

// Enabled lets warnings and errors through.
func (*noteHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle makes a note of a record.
func (h *noteHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	before := ": "
	add := func(a slog.Attr) bool {
		text += before + a.Key + " " + a.Value.String()
		before = ", "
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.status.note("%s", text)
	return nil
}

// WithAttrs returns a handler that adds attrs to every record.
func (h *noteHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &noteHandler{status: h.status, attrs: append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup returns h: notes have no groups.
func (h *noteHandler) WithGroup(string) slog.Handler { return h }

// close removes the line. Notes may still follow.
func (s *status) close() {
	close(s.stop)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		_ = s.bar.Clear()
		s.bar = nil
	}
}
