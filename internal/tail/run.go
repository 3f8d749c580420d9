package tail

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// outputBuffer is how much output is gathered while there is more to read.
const outputBuffer = 64 << 10

// Run prints the sources to w until they have no more lines, or until ctx is
// done, and closes them. The error is that of w or of a source: where the first
// line of a source is not that of a recording it is one of record.Open's.
func Run(ctx context.Context, w io.Writer, sources []Source, o Options) error {
	out := &output{w: bufio.NewWriterSize(w, outputBuffer)}
	var summary *stats
	if o.Stats {
		summary = newStats()
	}
	work, ctx := errgroup.WithContext(ctx)
	if !o.Follow {
		work.SetLimit(1) // in the order of the sources
	}
	for i, mark := range marksOf(sources) {
		source := sources[i]
		work.Go(func() error {
			if ctx.Err() != nil {
				return source.Close() // another source has failed before
			}
			r := newReader(&o, source, out, sinkFor(&o, out, summary, mark, ""))
			r.parts.newSink = func(recorder string) sink { return sinkFor(&o, out, summary, mark, recorder) }
			return errors.Join(r.run(ctx), source.Close())
		})
	}
	err := work.Wait()
	if err == nil && summary != nil {
		err = summary.write(out, &o)
	}
	return errors.Join(err, out.flush())
}

// sinkFor returns what prints the lines of one source, or of one of its recorders.
func sinkFor(o *Options, out *output, summary *stats, mark, recorder string) sink {
	switch {
	case summary != nil:
		return summary
	case o.JSON && recorder != "":
		return newRecorderPrinter(out, recorder)
	case o.JSON:
		return rawPrinter{out}
	case o.Format != nil:
		return &formatPrinter{o: o, out: out, source: strings.TrimSpace(mark + recorder)}
	case recorder != "":
		return newPrinter(o, out, mark+short(recorder)+gap)
	default:
		return newPrinter(o, out, mark)
	}
}

// marksOf returns what the lines of each source begin with: their names in
// columns of the same width, "" for a source that is alone.
func marksOf(sources []Source) []string {
	marks := make([]string, len(sources))
	if len(sources) < 2 {
		return marks
	}
	widest := 0
	for i, s := range sources {
		marks[i] = Safe(s.Name())
		widest = max(widest, columns(marks[i]))
	}
	for i, mark := range marks {
		marks[i] = mark + strings.Repeat(" ", widest-columns(mark)) + gap
	}
	return marks
}

// output is written by several goroutines, whole lines at a time.
type output struct {
	mu sync.Mutex
	w  *bufio.Writer // guarded by mu
}

// writeLine writes a line, or several, and ends it.
func (o *output) writeLine(p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.w.Write(p); err != nil {
		return err
	}
	return o.w.WriteByte('\n')
}

// flush writes what was gathered.
func (o *output) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Flush()
}
