package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// byTerminal says who has resumed a hit.
const byTerminal = "terminal"

// breakTerminal asks the user on the terminal what becomes of each hit, one after
// another. It is an Observer, to be told of hits.
type breakTerminal struct {
	io    stdio
	hits  *rules.Hits
	want  chan struct{} // asks for a line
	lines chan string   // what the user has typed; closed at the end of the input
	// asked says that a line was asked for and has not come. Used by run alone.
	asked bool

	mu    sync.Mutex     // guards the fields below
	queue []*traffic.Hit // not asked about yet
	now   traffic.HitID  // the hit that the user is asked about, 0 for none
	over  chan struct{}  // closed when that has ended
	more  chan struct{}  // has room for one; gets one when the queue grows
}

func newBreakTerminal(io stdio, hits *rules.Hits) *breakTerminal {
	return &breakTerminal{
		io: io, hits: hits, want: make(chan struct{}, 1), lines: make(chan string, 1), more: make(chan struct{}, 1),
	}
}

// checkInteractive reports what --break-interactive does not work with.
func (o *recordOptions) checkInteractive(cmd *cobra.Command) error {
	in, isFile := cmd.InOrStdin().(*os.File)
	switch {
	case !o.interactive:
		return nil
	case len(o.rules.paths) == 0:
		return usagef("--break-interactive needs breakpoints").hinted("give the rules file that has them: --rules FILE")
	case len(o.command) > 0:
		return usagef("--break-interactive and the command both want the terminal").
			hinted("start the command in another one, with the variables of `necto env`")
	case o.output == "-":
		return usagef("--break-interactive and -o - both want the terminal").hinted("give a file: -o %s", defaultRecording)
	case !isFile || !term.IsTerminal(int(in.Fd())):
		return usagef("--break-interactive: standard input is no terminal")
	}
	return nil
}

// start lets breakpoints hold for as long as it takes, and asks until stop, which
// waits for the end of that.
func (t *breakTerminal) start(ctx context.Context) (stop func()) {
	t.hits.HoldOn()
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() { t.run(ctx) })
	return func() {
		cancel()
		asking.Wait()
	}
}

// Observe notes hits and how they end.
func (t *breakTerminal) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.BreakpointHit:
		t.mu.Lock()
		t.queue = append(t.queue, e.Hit)
		t.mu.Unlock()
		select {
		case t.more <- struct{}{}:
		default:
		}
	case traffic.BreakpointResumed:
		t.ended(e.ID)
	case traffic.BreakpointTimedOut:
		t.ended(e.ID)
	default: // no hit
	}
}

// ended wakes who asks about a hit.
func (t *breakTerminal) ended(id traffic.HitID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == id {
		close(t.over)
		t.now = 0
	}
}

// next returns the hit to ask about, nil for none yet.
func (t *breakTerminal) next() (*traffic.Hit, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return nil, nil
	}
	hit := t.queue[0]
	t.queue = t.queue[1:]
	t.now, t.over = hit.ID, make(chan struct{})
	return hit, t.over
}

// run asks until ctx is done or the input has ended. Hits then go on as it is.
func (t *breakTerminal) run(ctx context.Context) {
	go t.read()
	defer close(t.want)
	for {
		hit, over := t.next()
		if hit == nil {
			select {
			case <-t.more:
				continue
			case <-ctx.Done():
				return
			}
		}
		if !t.ask(ctx, hit, over) {
			t.hits.Close()
			return
		}
	}
}

// read reads a line whenever one is wanted and no more, because editors have the
// same input. It ends with the input; nothing else can end the reading of a
// terminal.
func (t *breakTerminal) read() {
	defer close(t.lines)
	in := bufio.NewReader(t.io.in)
	for range t.want {
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return
		}
		t.lines <- strings.TrimSpace(line)
	}
}

// ask asks about a hit until it has ended. It returns false if nobody is there to
// be asked.
func (t *breakTerminal) ask(ctx context.Context, hit *traffic.Hit, over <-chan struct{}) bool {
	if _, err := t.hits.Get(hit.ID); err != nil {
		return true // it has ended while others were asked about
	}
	text := newHitText(hit)
	t.io.note("hit %d at breakpoint %q", hit.ID, hit.Breakpoint)
	printHit(t.io.err, text)
	for {
		fmt.Fprint(t.io.err, t.prompt(hit))
		if !t.asked {
			t.want <- struct{}{}
			t.asked = true
		}
		select {
		case line, ok := <-t.lines:
			if !ok {
				fmt.Fprintln(t.io.err)
				t.io.note("the input has ended: nothing is held from now on")
				return false
			}
			t.asked = false
			err := t.do(ctx, hit, text, line)
			if err == nil {
				return true
			}
			t.io.note("%v", err)
		case <-over:
			fmt.Fprintln(t.io.err)
			t.io.note("hit %d has ended", hit.ID)
			return true
		case <-ctx.Done():
			fmt.Fprintln(t.io.err)
			return false
		}
	}
}

// prompt says what can be done, and how long.
func (t *breakTerminal) prompt(hit *traffic.Hit) string {
	choice := "[c]ontinue, [e]dit, [m]ock, [a]bort"
	if hit.Phase == traffic.PhaseFrame {
		choice = "[c]ontinue, [e]dit, [a]bort"
	}
	if !hit.Deadline.IsZero() {
		choice += fmt.Sprintf(" (%v left)", time.Until(hit.Deadline).Round(time.Second))
	}
	return choice + "? "
}

// errAskAgain says that the user did not say what becomes of the hit.
var errAskAgain = errors.New("type c, e, m or a")

// do does what the user has typed.
func (t *breakTerminal) do(ctx context.Context, hit *traffic.Hit, text *hitText, line string) error {
	r := traffic.Resume{Action: traffic.ResumeContinue, By: byTerminal}
	switch strings.ToLower(line) {
	case "c", "continue":
	case "a", "abort":
		r.Action = traffic.ResumeAbort
	case "e", "edit":
		return editHit(ctx, editor{t.io}, text.render(editComment(hit)), text.resume, t.resumer(hit.ID))
	case "m", "mock":
		if hit.Phase == traffic.PhaseFrame {
			return errAskAgain
		}
		mock := newMockText(hit)
		return editHit(ctx, editor{t.io}, mock.render(mockComment(hit)), mock.mock, t.resumer(hit.ID))
	default:
		return errAskAgain
	}
	return t.resumer(hit.ID)(r)
}

// resumer returns what resumes a hit. One that has ended meanwhile is told about
// where it is noticed.
func (t *breakTerminal) resumer(id traffic.HitID) func(traffic.Resume) error {
	return func(r traffic.Resume) error {
		r.By = byTerminal
		err := t.hits.Resume(id, r)
		if errors.Is(err, rules.ErrResumed) {
			t.io.note("hit %d has ended before", id)
			return nil
		}
		return err
	}
}

// editHit has the user edit a text and resumes the hit as that says.
func editHit(
	ctx context.Context, e editor, text []byte,
	parse func([]byte) (traffic.Resume, error), resume func(traffic.Resume) error,
) error {
	return e.edit(ctx, text, func(edited []byte) error {
		r, err := parse(edited)
		if err != nil {
			return err
		}
		return resume(r)
	})
}

func editComment(hit *traffic.Hit) string {
	return fmt.Sprintf("Hit %d at breakpoint %q: what you save goes on. An empty file changes nothing.", hit.ID, hit.Breakpoint)
}

func mockComment(hit *traffic.Hit) string {
	return fmt.Sprintf("Hit %d at breakpoint %q: what you save is the answer. An empty file changes nothing.", hit.ID, hit.Breakpoint)
}

// maxPrinted is how much of a hit is printed, in bytes.
const maxPrinted = 4 << 10

// printHit prints a hit, indented, so that nothing in it can be taken for words of
// necto or do anything to the terminal.
func printHit(w io.Writer, text *hitText) {
	shown := text.render()
	if len(shown) > maxPrinted {
		shown = append(bytes.Clone(shown[:maxPrinted]), "..."...)
	}
	for line := range bytes.Lines(shown) {
		fmt.Fprintf(w, "  %s\n", oneLine(string(line)))
	}
}
