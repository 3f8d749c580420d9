package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

func newDemoCmd(io stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "See necto record and replay, without a network",
		Long: `Demo starts a small origin on this machine (a JSON API, compressed answers, a stream
of events, a large download, a chat over WebSocket), records a client that talks to
it, stops the origin, asks the same of the recording alone and compares the answers.
It needs no network and changes nothing on the machine: all it leaves is a recording
in a temporary folder. The exit code is 1 if an answer differs.`,
		Example: `  necto demo`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), io) },
	}
}

// demo is one run of the demonstration.
type demo struct {
	authority *ca.Authority // signs for the proxy
	origin    *demoOrigin
	recording string
}

// runDemo records, replays, and tells what happened.
func runDemo(ctx context.Context, io stdio) (err error) {
	dir, err := os.MkdirTemp("", "necto-demo-*")
	if err != nil {
		return err
	}
	scratch := filepath.Join(dir, "certificates")
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	d := &demo{recording: filepath.Join(dir, defaultRecording)}
	if d.authority, err = ca.Load(filepath.Join(scratch, "proxy")); err != nil {
		return err
	}
	if d.origin, err = startDemoOrigin(ctx, filepath.Join(scratch, "origin")); err != nil {
		return err
	}
	recorded, err := d.record(ctx)
	d.origin.close()
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	replayed, err := d.replay(ctx)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	same := compareAnswers(recorded, replayed)
	if err := d.tell(io.out, recorded, replayed); err != nil {
		return err
	}
	if !same {
		return errors.New("the recording answered differently from the origin")
	}
	return nil
}

// record lets the client talk to the origin and records that.
func (d *demo) record(ctx context.Context) ([]demoAnswer, error) {
	writer, err := record.Create(d.recording, record.Options{ToolVersion: buildVersion(), Mode: "forward"})
	if err != nil {
		return nil, err
	}
	answers, err := d.converse(ctx, proxy.Options{Observer: writer, Network: d.origin.network()})
	return answers, errors.Join(err, writer.Close())
}

// replay lets the client say the same again, with nobody but the recording to
// answer.
func (d *demo) replay(ctx context.Context) ([]demoAnswer, error) {
	index, err := replay.Load([]string{d.recording}, replay.Options{})
	if err != nil {
		return nil, err
	}
	defer index.Close()
	return d.converse(ctx, proxy.Options{Layers: []proxy.Layer{replayLayer(index)}})
}

// converse runs the client through a proxy.
func (d *demo) converse(ctx context.Context, o proxy.Options) ([]demoAnswer, error) {
	o.CA = d.authority
	p := proxy.New(o)
	addr, err := listen(ctx, p, proxy.Listener{Addr: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- p.Run(running) }()
	answers, err := demoClient(ctx, urlOf(addr), d.authority.Certificate())
	stop()
	return answers, errors.Join(err, <-ran)
}

// compareAnswers reports whether all answers are the same, and notes it in the
// replayed ones.
func compareAnswers(recorded, replayed []demoAnswer) bool {
	all := true
	for i := range replayed {
		r := &replayed[i]
		r.same = r.status == recorded[i].status && r.sum == recorded[i].sum
		all = all && r.same
	}
	return all
}

// tell prints what happened.
func (d *demo) tell(out io.Writer, recorded, replayed []demoAnswer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "A client talked to a built-in origin through necto. Then the origin was stopped,\n"+
		"and the client asked the recording for the same.\n\n")
	fmt.Fprintf(w, "  REQUEST\tSTATUS\tSIZE\tORIGIN\tREPLAY\tANSWERS\n")
	for i, a := range recorded {
		fmt.Fprintf(w, "  %s\t%d\t%s\t%s\t%s\t%s\n", a.request, a.status, humanize.IBytes(uint64(a.size)),
			milliseconds(a.took), milliseconds(replayed[i].took), replayed[i].verdict())
	}
	path := shellescape.Quote(d.recording)
	fmt.Fprintf(w, "\nThe recording: %s (JSON lines; large bodies are beside it)\n", path)
	fmt.Fprintf(w, "\nTo go on:\n")
	fmt.Fprintf(w, "  necto replay %s -- curl -s %s\n", path, demoURL("https", "/api/users"))
	fmt.Fprintf(w, "  necto tail --filter ws %s\n", path)
	fmt.Fprintf(w, "  necto record -o my.jsonl -- your-command\n")
	fmt.Fprintf(w, "  necto replay my.jsonl -- your-command\n")
	return w.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// demoURL returns a URL of the demonstration's origin, which exists only for
// its proxy.
func demoURL(scheme, target string) string {
	return traffic.URL{Scheme: scheme, Authority: demoHost, Target: target}.String()
}
