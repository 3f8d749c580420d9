package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/record"
)

// redisFlags are the flags of a recording that goes to a Redis.
type redisFlags struct {
	spool, spoolMax string
	keep            fleet.Keep
}

// redisFlagNames are the names of those.
var redisFlagNames = []string{"spool", "spool-max", "stream-maxlen", "stream-maxage"}

func (f *redisFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.spool, "spool", "", "`folder` where lines wait for Redis (default: necto/spool in the user's state or cache folder)")
	flags.StringVar(&f.spoolMax, "spool-max", "1GiB", "let at most this `size` wait there")
	flags.Int64Var(&f.keep.MaxLen, "stream-maxlen", 0, "keep about the last `N` lines in the stream (default all)")
	flags.DurationVar(&f.keep.MaxAge, "stream-maxage", 7*24*time.Hour, "keep lines and bodies in Redis for about this long; 0 for ever")
}

// redisOutput is a stream that a recording goes to.
type redisOutput struct {
	target fleet.Target
	sink   fleet.SinkOptions
}

// complete validates the flags: those of a stream with an output that is one, those
// of files with any other. It returns nil for the latter.
func (f *redisFlags) complete(flags *pflag.FlagSet, output string) (*redisOutput, error) {
	if !fleet.IsTarget(output) {
		for _, name := range redisFlagNames {
			if flags.Changed(name) {
				return nil, usagef("--%s needs -o redis://host:port/stream", name)
			}
		}
		return nil, nil
	}
	for _, name := range []string{"append", "force", "har-profile"} {
		if flags.Changed(name) {
			return nil, usagef("--%s is for files", name)
		}
	}
	target, err := parseTarget("-o", output)
	if err != nil {
		return nil, err
	}
	o := &redisOutput{target: target, sink: fleet.SinkOptions{Spool: f.spool, Keep: f.keep}}
	if o.sink.SpoolMax, err = parseSize("--spool-max", f.spoolMax); err != nil {
		return nil, err
	}
	switch {
	case f.keep.MaxLen < 0:
		return nil, usagef("--stream-maxlen: %d is negative", f.keep.MaxLen)
	case f.keep.MaxAge < 0:
		return nil, usagef("--stream-maxage: %v is negative", f.keep.MaxAge)
	}
	return o, nil
}

// parseTarget reads the address of a stream.
func parseTarget(what, s string) (fleet.Target, error) {
	t, err := readTarget(s)
	if err == nil && t.Stream == "" {
		err = errors.New("the name of the stream is missing")
	}
	if err != nil {
		return t, usagef("%s: %w", what, err).hinted("write redis://host:port/stream, such as redis://127.0.0.1:6379/ci")
	}
	return t, nil
}

// spoolFolder is where lines wait unless --spool says otherwise: where the system
// keeps what programs want to find again.
func spoolFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "necto", "spool"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", withHint(err, "name a folder: --spool DIR")
	}
	return filepath.Join(dir, "necto", "spool"), nil
}

// create begins a recording that goes to the stream.
func (o *redisOutput) create(ctx context.Context, ro record.Options, log *slog.Logger) (*record.Writer, *fleet.Sink, error) {
	o.sink.Session, o.sink.Log = ro.Session, log
	if o.sink.Spool == "" {
		var err error
		if o.sink.Spool, err = spoolFolder(); err != nil {
			return nil, nil, err
		}
	}
	sink, err := fleet.OpenSink(ctx, o.target, o.sink)
	if err != nil {
		return nil, nil, redisHint(err)
	}
	w, err := record.New(sink, ro)
	if err != nil {
		return nil, nil, errors.Join(err, sink.Drain(ctx))
	}
	return w, sink, nil
}

// drainNotice is how long the end may take before the user is told why.
const drainNotice = time.Second

// drain waits until Redis has everything, or until a signal.
func drain(ctx context.Context, status *status, sink *fleet.Sink) error {
	ctx, stop := signal.NotifyContext(ctx, stopSignals...)
	defer stop()
	notice := time.AfterFunc(drainNotice, func() {
		status.note("%d lines wait for Redis; Ctrl-C leaves them in the spool", sink.Waiting())
	})
	defer notice.Stop()
	return sink.Drain(ctx)
}

// redisHint says what helps when a stream cannot be used.
func redisHint(err error) error {
	var unsent *fleet.UnsentError
	switch {
	case errors.As(err, &unsent):
		return withHint(err, "the next necto with the same -o and --spool sends them")
	case errors.Is(err, fleet.ErrAccess):
		return withHint(err, "name them: redis://user@host:port, and the password in "+redisPasswordVar)
	case errors.Is(err, fleet.ErrSpoolFull):
		return withHint(err, "see why Redis takes nothing, or let more wait: --spool-max")
	case errors.Is(err, fleet.ErrUnreachable):
		return withHint(err, "see that a Redis runs there")
	}
	return err
}

// waitingText says how many lines Redis has not got, "" if that is nothing to speak
// of.
func waitingText(s *fleet.Sink) string {
	const notable = 1000 // more than is on its way at any time
	if s == nil || s.Waiting() < notable {
		return ""
	}
	return ", " + humanize.Comma(int64(min(s.Waiting(), 1<<62))) + " lines waiting for Redis"
}

// localFiles returns recordings with what a stream has now in the place of its
// address, in files of a temporary folder that remove removes.
func localFiles(ctx context.Context, io stdio, recordings []string) (paths []string, remove func(), err error) {
	var dirs []string
	remove = func() {
		for _, dir := range dirs {
			_ = os.RemoveAll(dir) // a temporary folder
		}
	}
	for _, name := range recordings {
		if !fleet.IsTarget(name) {
			paths = append(paths, name)
			continue
		}
		dir, err := os.MkdirTemp("", "necto-stream-")
		if err != nil {
			return nil, remove, err
		}
		dirs = append(dirs, dir)
		files, err := downloadStream(ctx, io, name, dir)
		if err != nil {
			return nil, remove, err
		}
		paths = append(paths, files...)
	}
	return paths, remove, nil
}

// downloadStream writes what a stream has now into dir.
func downloadStream(ctx context.Context, io stdio, name, dir string) ([]string, error) {
	target, err := parseTarget("the stream", name)
	if err != nil {
		return nil, err
	}
	stream, err := fleet.Open(ctx, target, nil)
	if err != nil {
		return nil, redisHint(err)
	}
	defer stream.Close() //nolint:errcheck // it was only read
	files, err := stream.Download(ctx, dir, func(text string) { io.note("warning: %s", text) })
	return files, redisHint(err)
}
