package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
)

// Format is what an output is written as.
type Format string

// The formats.
const (
	JSONL Format = "jsonl"
	HAR   Format = "har"
)

// ErrSameFile is wrapped by the error for an output that is one of the inputs.
var ErrSameFile = errors.New("it is one of the inputs")

// Options says what is made of what.
type Options struct {
	// Inputs are recordings or HARs. Of several the output has one after the
	// other, with numbers that go on, unless it is normalized.
	Inputs []string
	// Output is the file to write, or with SplitHost a folder that gets a file
	// for each host. What is there is replaced.
	Output string
	Format Format
	// Profile is what a HAR may have.
	Profile har.Profile
	// SplitHost writes a file for each host.
	SplitHost bool
	// Filter keeps what matches, nil for all. Of a connection of which frames
	// match, handshake and end are kept, too.
	Filter *filter.Filter
	// Protos describes messages of gRPC for Filter, nil for none.
	Protos *protoset.Set
	// Normalize sorts by start, all inputs in one order, numbers anew and drops what
	// differs from run to run: dates, durations, ports, addresses of clients, fields
	// such as Date.
	Normalize bool
	// Redactor replaces secrets, nil to leave them.
	Redactor *record.Redactor
	// Inline has all content in the lines.
	Inline bool
	// InPlace allows Output to be the only input, which it replaces.
	InPlace bool
	// CheckOnly writes nothing: the Result says what would have been done.
	CheckOnly bool
	// ToolVersion is that of necto, for HARs.
	ToolVersion string
	// Progress, if not nil, is told how many bytes of the inputs were read since
	// the last call.
	Progress func(bytes int64)
	// Warn is called with what is wrong with the inputs; nil for nobody.
	Warn func(text string)
}

// Result says what was done.
type Result struct {
	// Exchanges, Sockets and Frames count what was written.
	Exchanges, Sockets, Frames int64
	// Secrets counts exchanges and frames in which secrets were replaced.
	Secrets int64
	// Read is how many bytes of lines were read.
	Read int64
	// Outputs are the files that were written.
	Outputs []string
}

// Run converts. If it returns an error each output is as it was, or whole: of
// SplitHost some may have been complete before.
func Run(ctx context.Context, o Options) (Result, error) {
	if err := checkOutput(&o); err != nil {
		return Result{}, err
	}
	if o.isPlainHAR() {
		return runPlainHAR(ctx, &o)
	}
	var out output
	switch {
	case o.CheckOnly:
		out = nowhere{redactor: o.Redactor}
	case o.SplitHost:
		out = newHostOutput(&o)
	default:
		out = newSingleOutput(&o, o.Output)
	}
	c := &converter{ctx: ctx, options: &o, out: out}
	err := c.run()
	if err == nil {
		c.result.Outputs, err = out.commit(ctx)
	}
	return c.result, errors.Join(err, out.discard())
}

func (o *Options) warn(text string) {
	if o.Warn != nil {
		o.Warn(text)
	}
}

// checkOutput finds an output that is one of the inputs.
func checkOutput(o *Options) error {
	if o.InPlace {
		return nil
	}
	there, err := os.Stat(o.Output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, input := range o.Inputs {
		if info, err := os.Stat(input); err == nil && os.SameFile(there, info) {
			return fmt.Errorf("write %s: %w", o.Output, ErrSameFile)
		}
		if info, err := os.Stat(filepath.Dir(input)); o.SplitHost && err == nil && os.SameFile(there, info) {
			return fmt.Errorf("write into %s: the input %s is in it", o.Output, filepath.Base(input))
		}
	}
	return nil
}
