package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// shownMisses is how many misses, and how many divergences, are told one by one.
const shownMisses = 20

type replayOptions struct {
	serve      serveFlags
	events     eventsFlags
	recordings []string
	answers    replay.Options // without what is told
	rules      rulesFlags
	http1      bool
	hosts      allowedHosts
	failOnMiss bool
	command    []string
}

// replayFlags are the flags whose text complete reads.
type replayFlags struct {
	timing, wsMode, wsEnd, filter string
	proto                         protoFlags
}

func newReplayCmd(io stdio, run func(context.Context, stdio, replayOptions) error) *cobra.Command {
	var o replayOptions
	var texts replayFlags
	cmd := &cobra.Command{
		Use:   "replay [flags] FILE... [-- command [args]]",
		Short: "Answer from recordings, without a network",
		Long: `Replay answers requests from recordings: as a proxy for HTTP and HTTPS, and on the
same address as an origin, for clients whose base URL points at it. It cannot reach
a network. A request that was not recorded is a miss: it is answered with status 501
and the nearest recorded requests, and told on standard error.

A recorded WebSocket connection is held again: by default the recorded server says
what it said once the client has said as much as it had before. A message of the
client that differs from the recording is told on standard error.

gRPC calls are answered message by message. Messages are compared as JSON with
--proto, or if the recorded server has described itself by reflection.

With a command replay works as record does: free port, variables for proxy and
certificates, the command's exit code. The command finds the proxy's URL in
NECTO_PROXY and the same address as an origin in NECTO_ORIGIN. If the command
succeeds but there was a miss the exit code is 3.`,
		Example: `  necto replay run.jsonl -- npm test
  necto replay run.jsonl --listen 127.0.0.1:8080
  necto replay login.jsonl orders.jsonl --timing recorded
  necto replay run.jsonl --rules faults.yaml -- npm test
  necto replay chrome.har --filter 'host:api.example.com' -- npm test
  necto replay chat.jsonl --ws-strict -- npm test
  necto replay calls.jsonl --proto api/ -- go test ./...
  necto replay redis://127.0.0.1:6379/ci -- npm test   # what is in the stream at the start`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args, texts); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.serve.bind(flags)
	o.events.bind(flags, "")
	o.rules.bind(flags)
	flags.StringVar(&texts.filter, "filter", "", "serve only what matches an `expression`, such as 'host:api and not status:5xx'")
	texts.proto.bind(flags)
	flags.StringVar(&texts.timing, "timing", "instant", "`pace` of answers: instant, recorded, or a speed such as 2x")
	flags.StringVar(&texts.wsMode, "ws-mode", "turn", "`when` WebSocket frames are sent: turn by turn, on a match of what the client says (match), or timed")
	flags.BoolVar(&o.answers.WSStrict, "ws-strict", false, "close with 1008, and count a miss, when a WebSocket client says something else")
	flags.StringVar(&texts.wsEnd, "ws-end", "hold", "`what` follows the last WebSocket frame: hold, close or loop")
	o.hosts.bind(flags)
	flags.BoolVar(&o.http1, "http1", false, "speak HTTP/1.1 only")
	flags.BoolVar(&o.failOnMiss, "fail-on-miss", false, "exit with 3 after a miss (default with a command)")
	return cmd
}

// complete validates the flags and arguments and fills in the options.
func (o *replayOptions) complete(cmd *cobra.Command, args []string, texts replayFlags) (err error) {
	if o.recordings, o.command, err = splitCommand(cmd, args); err != nil {
		return err
	}
	if len(o.recordings) == 0 {
		return usagef("no recording given").hinted("for example `%s %s`", cmd.CommandPath(), defaultRecording)
	}
	if texts.filter != "" {
		if o.answers.Filter, err = parseFilter("--filter", texts.filter); err != nil {
			return err
		}
	}
	if o.answers.Protos, err = texts.proto.load(); err != nil {
		return err
	}
	if o.answers.Timing, err = replay.ParseTiming(texts.timing); err != nil {
		return usagef("--timing: %w", err)
	}
	if o.answers.WSMode, err = replay.ParseWSMode(texts.wsMode); err != nil {
		return usagef("--ws-mode: %w", err)
	}
	if o.answers.WSEnd, err = replay.ParseWSEnd(texts.wsEnd); err != nil {
		return usagef("--ws-end: %w", err)
	}
	if !cmd.Flags().Changed("fail-on-miss") {
		o.failOnMiss = len(o.command) > 0
	}
	if err := o.events.check(cmd.Flags()); err != nil {
		return err
	}
	return o.serve.check(cmd, o.command, o.recordings...)
}

// runReplay answers until the command ends, or until a signal.
func runReplay(ctx context.Context, io stdio, o replayOptions) error {
	if err := errors.Join(findCommand(o.command), removeStale(o.serve.readyFile)); err != nil {
		return err
	}
	authority, err := ca.Load(o.serve.caDir)
	if err != nil {
		return err
	}
	status := newStatus(io)
	keyLog, closeKeyLog, err := openKeyLog(status)
	if err != nil {
		return err
	}
	defer closeKeyLog()
	obeyed, err := o.rules.obey(io, status, o.answers.Protos)
	if err != nil {
		return err
	}
	defer obeyed.close()
	o.answers.Ignore = obeyed.ignore()
	misses := &boundedNotes{status: status, one: "miss", many: "misses"}
	divergences := &boundedNotes{status: status, one: "divergence", many: "divergences"}
	o.answers.Log = status.log()
	o.answers.OnMiss = func(m replay.Miss) { misses.add(m) }
	o.answers.OnDivergence = func(d replay.Divergence) { divergences.add(d) }
	recordings, remove, err := localFiles(ctx, io, o.recordings)
	defer remove()
	if err != nil {
		return err
	}
	index, err := loadIndex(recordings, o.answers)
	if err != nil {
		return replayHint(err)
	}
	defer index.close() //nolint:errcheck // it was only read
	obeyed.ignoreIn(index)
	debug.FreeOSMemory() // loading takes several times what the index keeps
	events, err := o.events.listen(ctx)
	if err != nil {
		return err
	}
	observers := traffic.Tee{traffic.Tee{}, &handshakeNotes{status: status}}
	options := proxy.Options{
		Layers: []proxy.Layer{index.layer}, HTTP1Only: o.http1, CA: authority, KeyLog: keyLog, Log: status.log(), Observer: observers,
		AllowHost: orHost(o.hosts.has, index.knows),
	}
	if events == nil {
		options.MaxBody = 1 // nobody looks at bodies: more would be copied for nothing
	}
	obeyed.complete(&options)
	var publisher *publisher
	demand(&options, &publisher)
	s := &server{proxy: proxy.New(options), authority: authority, command: o.command}
	s.secrets = redaction{patterns: obeyed.redact}
	s.release = func() { obeyed.release(); index.endConversations() }
	s.listener = proxy.Listener{Addr: o.serve.listen, Origin: true}
	if s.addr, err = listen(ctx, s.proxy, s.listener); err != nil {
		return err
	}
	s.ready = readyInfo{PID: os.Getpid(), Proxy: urlOf(s.addr), CA: authority.CertPath()}
	s.environ = []string{"NECTO_ORIGIN=" + s.ready.Proxy}
	publisher = o.events.publishProxy(events, status, s, obeyed, ulid.Make().String(), nil)
	defer publisher.close()
	if publisher != nil {
		observers[0] = publisher
	}
	return o.replay(ctx, s, index, status, func() { misses.close(); divergences.close() })
}

// replay runs the server and judges the result. It calls ended when no more is
// answered.
func (o *replayOptions) replay(ctx context.Context, s *server, index *replayIndex, status *status, ended func()) error {
	status.note("replaying %s, proxy and origin %s", recordedText(index.stats()), s.ready.Proxy)
	if s.ready.Events != "" {
		status.note("events and API %s", s.ready.Events)
	}
	if len(o.command) == 0 { // a command has the terminal for itself
		status.show(func() string { return replayProgress(index.stats()) })
	}
	code, err := s.run(ctx, status, o.serve)
	status.close()
	ended()
	stats := index.stats()
	status.note("%s", replayProgress(stats))
	switch {
	case err != nil:
		return err
	case code != 0:
		return &exitError{code: code}
	case stats.Missed > 0 && o.failOnMiss:
		return &exitError{code: exitCheck, err: withHint(
			errors.New(o.missText(stats)),
			"record again, or allow misses: --fail-on-miss=false")}
	}
	return nil
}

// recordedText says what there is to answer with.
func recordedText(s replay.Stats) string {
	text := plural(int64(s.Exchanges), "exchange")
	if s.WebSockets > 0 {
		text += ", " + plural(int64(s.WebSockets), "WebSocket connection")
	}
	if n := s.Failed + s.Pending; n > 0 {
		text += fmt.Sprintf(" (and %s without an answer to give)", humanize.Comma(int64(n)))
	}
	return text
}

func replayProgress(s replay.Stats) string {
	text := plural(s.Served, "request") + " answered"
	if s.Missed > 0 {
		text += ", " + english.Plural(int(s.Missed), "miss", "misses")
	}
	if s.Divergences > 0 {
		text += ", " + plural(s.Divergences, "divergence")
	}
	return text
}

// missText says what was missed: requests, and under --ws-strict what WebSocket
// clients said.
func (o *replayOptions) missText(s replay.Stats) string {
	var texts []string
	requests := s.Missed
	if o.answers.WSStrict {
		requests -= s.Divergences
	}
	if requests > 0 {
		texts = append(texts, plural(requests, "request")+" without a recorded answer")
	}
	if diverged := s.Missed - requests; diverged > 0 {
		texts = append(texts, plural(diverged, "WebSocket message")+" that differs from the recording")
	}
	return strings.Join(texts, ", ")
}

// boundedNotes tells the user of the first things of one kind, each on a line.
type boundedNotes struct {
	status    *status
	one, many string // what they are called
	count     atomic.Int64
}

// add takes one; it may be called concurrently.
func (n *boundedNotes) add(thing fmt.Stringer) {
	if n.count.Add(1) <= shownMisses {
		n.status.note("%s", thing)
	}
}

// close tells how many were not told.
func (n *boundedNotes) close() {
	if more := n.count.Load() - shownMisses; more > 0 {
		n.status.note("... and %s more", english.Plural(int(more), n.one, n.many))
	}
}

// replayHint says what helps when a recording cannot be loaded. It is the user
// who named the file.
func replayHint(err error) error {
	var newer *record.VersionError
	switch {
	case errors.As(err, &newer):
		return &usageError{err: err, hint: "update necto to read it"}
	case errors.Is(err, record.ErrNotRecording):
		return &usageError{err: err, hint: "record one with `necto record -o " + defaultRecording + "`"}
	}
	return err
}
