package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/lookback"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// recordRun is a run of record, or of serve.
type recordRun struct {
	status    *status
	server    *server
	writer    *record.Writer // nil if nothing is recorded
	sink      *fleet.Sink    // nil unless that goes to a Redis
	name      string         // of what is written
	publisher *publisher     // nil if nothing is published
}

// create begins the recording, if there is to be one.
func (r *recordRun) create(ctx context.Context, o recordOptions) (err error) {
	switch {
	case o.output == "":
		return nil
	case o.redis != nil:
		r.name = o.redis.target.String()
		r.writer, r.sink, err = o.redis.create(ctx, o.writer, r.status.log())
	default:
		if r.name = o.output; o.output == "-" {
			r.name = standardOutput
		}
		r.writer, err = record.Create(o.output, o.writer)
	}
	if err != nil {
		return recordingHint(err)
	}
	r.server.failed = r.writer.Failed()
	return nil
}

// past returns the recording that is being written, to look back on, nil if that
// cannot be: if there is none, or not all in lines of a file.
func (o *recordOptions) past() *lookback.File {
	if o.writer.Filter != nil || strings.HasSuffix(o.output, ".har") {
		return nil
	}
	if info, err := os.Stat(o.output); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return lookback.Open(o.output, o.writer.Session)
}

// close ends the recording, if there is one.
func (r *recordRun) close(ctx context.Context) error {
	if r.writer == nil {
		return nil
	}
	err := r.writer.Close()
	if r.sink != nil {
		err = errors.Join(err, drain(ctx, r.status, r.sink))
	}
	return redisHint(err)
}

// standardOutput is how - is called where it has to have a name.
const standardOutput = "standard output"

// tee puts in the first places of observers, which are free, who is to be told.
func (r *recordRun) tee(observers traffic.Tee) {
	if r.writer != nil {
		observers[0] = r.writer
	}
	if r.publisher != nil {
		observers[1] = r.publisher.observers()
	}
}

// run runs the server and ends the recording.
func (r *recordRun) run(ctx context.Context, o recordOptions) error {
	r.announce()
	stopAsking := func() {}
	switch {
	case o.terminal != nil:
		stopAsking = o.terminal.start(ctx)
	case len(o.command) == 0: // a command has the terminal for itself
		r.status.show(r.progress)
	}
	code, err := r.server.run(ctx, r.status, o.serve)
	stopAsking()
	r.status.close()
	defer r.publisher.close()
	if r.writer == nil {
		r.status.note("%s", r.progress())
	} else {
		if failed := r.close(ctx); failed != nil {
			return failed // whatever else happened: the recording is what this is for
		}
		r.status.note("%s in %s", r.progress(), r.name)
	}
	if err == nil && code != 0 {
		err = &exitError{code: code}
	}
	return err
}

// announce tells the user where everything is.
func (r *recordRun) announce() {
	ready := r.server.ready
	switch {
	case r.writer == nil:
		r.status.note("proxy %s, events and API %s", ready.Proxy, ready.Events)
	case r.publisher == nil:
		r.status.note("recording to %s, proxy %s", r.name, ready.Proxy)
	default:
		r.status.note("recording to %s, proxy %s, events and API %s", r.name, ready.Proxy, ready.Events)
	}
	for _, m := range ready.Maps {
		r.status.note("%s is %s", m.URL, m.Origin)
	}
}

// progress says how far things are.
func (r *recordRun) progress() string {
	if r.writer != nil {
		return progress(r.writer.Counts()) + waitingText(r.sink)
	}
	return r.publisher.progress()
}

// progress says what was recorded.
func progress(c record.Counts) string {
	s := plural(c.Exchanges, "exchange")
	if c.WebSockets > 0 {
		s += ", " + plural(c.WebSockets, "WebSocket connection") + ", " + plural(c.Frames, "frame")
	}
	s += ", " + humanize.IBytes(uint64(c.BytesUp+c.BytesDown))
	if c.Errors > 0 {
		s += fmt.Sprintf(", %s failed", humanize.Comma(c.Errors))
	}
	if c.Cut > 0 {
		s += ", " + english.Plural(int(c.Cut), "body", "bodies") + " cut by --max-body"
	}
	if c.Open > 0 {
		s += fmt.Sprintf(", %s running", humanize.Comma(c.Open))
	}
	return s
}

// plural returns "1 noun" or "2 nouns".
func plural(n int64, noun string) string { return english.Plural(int(n), noun, "") }

// recordingHint says what helps when a recording cannot be begun.
func recordingHint(err error) error {
	switch {
	case errors.Is(err, record.ErrExists):
		return withHint(err, "go on with it (--append), replace it (--force), or write another (-o FILE)")
	case errors.Is(err, record.ErrRedaction):
		return withHint(err, "give the same --redact as before, or write another (-o FILE)")
	}
	return err
}
