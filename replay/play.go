package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// PlayOptions says how a Player plays. The zero value plays each recording once,
// as fast as the observer takes it.
type PlayOptions struct {
	// Speed is the pace: Instant, the zero value, waits for nothing but the
	// observer, Recorded takes as long as the recording did.
	Speed Timing
	// Loop begins again at the end, though not within a second of the last
	// beginning, until the context is done.
	Loop bool
	// Follow goes on with what is added to the last recording, until the context
	// is done, and with the recording that takes its place. It cannot be used
	// with Loop, and not with a HAR file, which does not grow line by line.
	Follow bool
	// Log is told what of a recording cannot be played; nil discards it.
	Log *slog.Logger
}

// Player tells an observer what recordings hold, event by event as it was told
// of it live. Recordings, and the sessions of one, follow each other without a
// pause; silence before the first event of a session is left out.
//
// Each event is told when it is due; an observer that is slow delays those
// behind it. At, and all times in exchanges and frames, are those recorded, wall
// clock only, however fast and often they are played. Exchanges and connections
// keep their numbers, unless these were told before: those of a further round,
// or of recordings put together, are counted on from the highest so far. Frames
// are numbered anew, without a gap.
//
// What a recording does not say is told as far as it is known: an exchange or
// WebSocket connection without an end is ended with its session, as by a
// shutdown. A line that cannot be read is left out.
type Player struct {
	paths []string
	opts  PlayOptions // with a Log
	files []*record.File
	top   numbers
}

// numbers are an exchange's and a connection's.
type numbers struct{ exchange, conn uint64 }

// OpenPlayer opens the recordings at paths. The error is that of record.Open.
// The caller closes the Player. A recording that is followed may not be there
// yet.
func OpenPlayer(paths []string, o PlayOptions) (*Player, error) {
	if o.Loop && o.Follow {
		return nil, errors.New("play recordings: either loop or follow, not both")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Player{paths: paths, opts: o}
	for i, path := range paths {
		if o.Follow && i == len(paths)-1 {
			break // Play waits for its first line
		}
		f, err := record.Open(path)
		if err != nil {
			return nil, errors.Join(err, p.Close()) // it names the path
		}
		p.files = append(p.files, f)
	}
	return p, nil
}

// Close closes the recordings. Bodies that were told and lie in sidecars cannot
// be opened any more: whoever keeps them keeps the Player open.
func (p *Player) Close() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.Close())
	}
	p.files = nil
	return errors.Join(errs...)
}

// Play tells to all events, from the caller's goroutine. It returns nil after
// the last one, or the context's error once that is done, when all that had
// begun was ended, too. Any other error names the recording. It may be called
// again, but not concurrently.
func (p *Player) Play(ctx context.Context, to traffic.Observer) error {
	played := p.files
	for {
		began := time.Now()
		for i, f := range played {
			if err := p.perform(ctx, to, &score{file: f, path: p.paths[i]}); err != nil {
				return err
			}
		}
		if p.opts.Follow {
			return p.follow(ctx, to, p.paths[len(p.paths)-1])
		}
		if !p.opts.Loop {
			return nil
		}
		if err := waitUntil(ctx, began.Add(loopPause)); err != nil {
			return err
		}
	}
}

// follow plays a recording that grows, and those that replace it.
func (p *Player) follow(ctx context.Context, to traffic.Observer, path string) error {
	for {
		growing, err := openGrowing(ctx, path)
		if err != nil {
			return err
		}
		err = p.perform(ctx, to, &score{file: growing.recording, path: path, growing: growing})
		p.files = append(p.files, growing.recording) // for its bodies
		growing.close()
		if !errors.Is(err, errReplaced) {
			return err
		}
		p.opts.Log.Info("recording was replaced by another", "file", filepath.Base(path))
	}
}

// perform plays one recording from its beginning.
func (p *Player) perform(ctx context.Context, to traffic.Observer, lines *score) error {
	s := &stage{to: to, log: p.opts.Log.With("file", filepath.Base(lines.path)), top: &p.top, file: lines.file}
	t := &tempo{speed: p.opts.Speed}
	err := lines.play(ctx, s, t)
	s.endSession()
	if err != nil && ctx.Err() == nil && !errors.Is(err, errReplaced) {
		return fmt.Errorf("play %s: %w", lines.path, err)
	}
	return err
}

// tempo says when what was recorded is due.
type tempo struct {
	speed Timing
	// began is when what was recorded at zero was told, both unset before the
	// first event of a session.
	began time.Time
	zero  time.Duration
}

// due returns when something is due that was recorded so long after its session
// began.
func (t *tempo) due(at time.Duration) time.Time {
	if t.speed == Instant {
		return time.Time{}
	}
	if t.began.IsZero() {
		t.began, t.zero = time.Now(), at
	}
	return t.began.Add(t.speed.scale(at - t.zero))
}
