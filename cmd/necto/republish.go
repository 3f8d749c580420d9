package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/lookback"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
)

// runRepublish publishes a recording until a signal.
func runRepublish(ctx context.Context, io stdio, o serveOptions) error {
	flags, events := o.record.serve, o.record.events
	if err := removeStale(flags.readyFile); err != nil {
		return err
	}
	status := newStatus(io)
	o.play.Log = status.log()
	player, err := replay.OpenPlayer([]string{o.from}, o.play)
	if err != nil {
		return replayHint(err)
	}
	defer player.Close() //nolint:errcheck // it was only read
	session, err := sessionOf(o.from, o.play.Follow)
	if err != nil {
		return replayHint(err)
	}
	listener, err := events.listen(ctx)
	if err != nil {
		return err
	}
	p := events.publish(listener, status, eventserver.Options{
		SessionID: session, SessionName: filepath.Base(o.from), Early: true,
		HAR: harWriter(redaction{mode: "off"}), // what is to be redacted was redacted when it was recorded
	}, o.past())
	defer p.close()
	p.start(status)
	r := &republishing{status: status, player: player, publisher: p, options: o}
	return r.run(ctx, flags)
}

// past returns the recording that is played, to look back on, nil if that cannot be:
// a HAR, and what is told again and again under other numbers.
func (o *serveOptions) past() *lookback.File {
	if o.play.Loop || isHARFile(o.from) {
		return nil
	}
	return lookback.Open(o.from, "")
}

// isHARFile reports whether there is a HAR at path.
func isHARFile(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return record.IsHAR(f)
}

// sessionOf returns the id of a recording's first session, "" if it is followed and
// not there yet.
func sessionOf(path string, follow bool) (string, error) {
	f, err := record.Open(path)
	if err != nil {
		if follow {
			return "", nil
		}
		return "", err
	}
	defer f.Close()
	return f.Meta().Session, nil
}

// republishing is a recording that is being published.
type republishing struct {
	status    *status
	player    *replay.Player
	publisher *publisher
	options   serveOptions
}

func (r *republishing) run(ctx context.Context, flags serveFlags) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, stopSignals...)
	defer signal.Stop(signals) // from then on a signal ends the process
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := readyInfo{PID: os.Getpid()}
	r.publisher.announce(&ready)
	r.status.note("publishing %s, events and API %s", r.options.from, ready.Events)
	r.status.show(r.publisher.progress)
	l := &serveLoop{signals: signals, stop: stop}
	if err := announce(r.status.io, flags, ready); err != nil {
		return err
	}
	l.serve(ctx, r.play)
	_, err := l.wait()
	r.status.close()
	r.status.note("%s", r.publisher.progress())
	return err
}

// play plays the recording and then keeps what was played, until ctx is done.
func (r *republishing) play(ctx context.Context) error {
	err := r.player.Play(ctx, r.publisher)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	if err != nil {
		return err
	}
	r.status.note("%s: everything is published; Ctrl-C ends", r.options.from)
	<-ctx.Done()
	return nil
}
