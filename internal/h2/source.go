package h2

import (
	"errors"
	"os"
	"time"
)

// source reads from the connection, with the deadlines that silence has. It
// belongs to the reader.
type source struct {
	c *Conn
	// inside means that a frame or a header block has begun: silence is not in
	// order then.
	inside bool
	err    error     // of the last Read
	last   time.Time // when something came
	limit  time.Time // the deadline that is set, zero for none
	// greeting is until when the first SETTINGS frame, and the acknowledgement of
	// ours, have to come; zero when they have.
	greeting time.Time
	// asked is until when the peer has to answer whether it is there; zero if it
	// was not asked.
	asked time.Time
}

// Read reads what comes next. It waits as long as silence may last.
func (s *source) Read(p []byte) (n int, err error) {
	for {
		if s.err = s.wait(); s.err != nil {
			return 0, s.err
		}
		n, s.err = s.c.conn.Read(p)
		if n > 0 {
			s.came()
			return n, nil
		}
		if errors.Is(s.err, os.ErrDeadlineExceeded) {
			s.err = s.silence(time.Now())
		}
		if s.err != nil {
			return 0, s.err
		}
	}
}

// came notes that the peer is there.
func (s *source) came() {
	s.asked = time.Time{}
	if s.c.cfg.PingAfter > 0 {
		s.last = time.Now()
	}
}

// wait sets the deadline of the next read.
func (s *source) wait() error {
	limit := s.deadline()
	if limit != s.limit {
		if err := s.c.conn.SetReadDeadline(limit); err != nil {
			return err
		}
		s.limit = limit
	}
	if s.ended() {
		return ErrClosed // the deadline that was to wake us may be gone
	}
	return nil
}

func (s *source) ended() bool { return s.c.ctx.Err() != nil }

// deadline returns until when something has to come, zero for no limit.
func (s *source) deadline() time.Time {
	limit, cfg := s.greeting, &s.c.cfg
	if s.inside {
		return earliest(limit, time.Now().Add(cfg.FrameTimeout))
	}
	limit = earliest(limit, s.asked)
	if cfg.PingAfter > 0 && s.asked.IsZero() {
		limit = earliest(limit, s.last.Add(cfg.PingAfter))
	}
	if cfg.IdleTimeout > 0 {
		limit = earliest(limit, s.c.idleUntil())
	}
	return limit
}

// silence says what is to be done when a deadline has passed: nil to wait on.
func (s *source) silence(now time.Time) error {
	cfg := &s.c.cfg
	switch {
	case s.ended():
		return ErrClosed
	case !s.greeting.IsZero() && !now.Before(s.greeting):
		return &ConnError{Code: CodeSettingsTimeout, Reason: "no preface, SETTINGS or acknowledgement in time"}
	case s.inside:
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: "silence inside a frame or a header block"}
	case !s.asked.IsZero() && !now.Before(s.asked):
		return errSilent
	case cfg.IdleTimeout > 0 && s.c.closeIdle(now):
		return ErrClosed
	case cfg.PingAfter > 0 && s.asked.IsZero() && !now.Before(s.last.Add(cfg.PingAfter)):
		s.asked = now.Add(cfg.SettingsTimeout)
		s.c.askAlive()
	}
	return nil
}

// earliest returns the earlier time, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
