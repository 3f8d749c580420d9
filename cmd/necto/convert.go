package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/convert"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/rules"
)

type convertOptions struct{ convert.Options }

// convertFlags are the flags of convert that need a second look.
type convertFlags struct {
	to, split, filter, redact, profile string
	merge                              bool
	proto                              protoFlags
}

func newConvertCmd(io stdio, run func(context.Context, stdio, convertOptions) error) *cobra.Command {
	var o convertOptions
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert [flags] -o OUTPUT FILE...",
		Short: "Turn recordings into HAR and back, merge, split, filter and normalize them",
		Long: `Convert writes recordings anew: as JSON lines or as HAR, by the name of the output or
--to. The output takes its place at the end, in one step; it is never an input.

--normalize makes files that can be compared and committed: sorted by start, numbered
anew, without dates, durations, ports and fields such as Date. Two runs of the same
thing give the same file. With --merge there is one order of all recordings.

Of a stream, redis://host:port/stream, the output has what each of its recorders has
sent until now, one recorder after the other unless it is normalized.`,
		Example: `  necto convert -o run.har run.jsonl
  necto convert -o run.jsonl traffic.har
  necto convert --merge -o all.jsonl login.jsonl orders.jsonl
  necto convert --split host -o by-host run.jsonl
  necto convert --filter 'host:api and not status:304' -o api.jsonl run.jsonl
  necto convert --normalize -o golden.jsonl run.jsonl
  necto convert --redact auto -o safe.har run.jsonl
  necto convert -o run.jsonl redis://127.0.0.1:6379/ci`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args, f); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&o.Output, "output", "o", "", "`file` to write, with --split a folder")
	flags.StringVar(&f.to, "to", "", "`format` of the output: jsonl or har (default: by its name)")
	flags.BoolVar(&f.merge, "merge", false, "write several recordings as one")
	flags.StringVar(&f.split, "split", "", "write a file for each: `host`")
	flags.StringVar(&f.filter, "filter", "", "keep only what matches an `expression`, such as 'host:api and status:5xx'")
	f.proto.bind(flags)
	flags.BoolVar(&o.Normalize, "normalize", false, "sort, number anew, and drop what differs from run to run")
	flags.StringVar(&f.redact, "redact", "off", "replace secrets: auto, off, or a rules `file` with more of them")
	flags.BoolVar(&o.Inline, "inline", false, "put all content into the lines, none into the folder beside")
	flags.StringVar(&f.profile, "har-profile", "", "`http-only`: leave WebSocket connections out of a HAR")
	return cmd
}

// complete validates the flags and arguments and fills in the options.
func (o *convertOptions) complete(args []string, f convertFlags) error {
	if err := o.checkFiles(args, f); err != nil {
		return err
	}
	if err := o.setFormat(f); err != nil {
		return err
	}
	var err error
	if f.filter != "" {
		if o.Filter, err = parseFilter("--filter", f.filter); err != nil {
			return err
		}
	}
	if o.Protos, err = f.proto.load(); err != nil {
		return err
	}
	o.Redactor, err = parseRedact(f.redact)
	return err
}

func (o *convertOptions) checkFiles(args []string, f convertFlags) error {
	switch {
	case len(args) == 0:
		return usagef("no recording given").hinted("for example `necto convert -o run.har %s`", defaultRecording)
	case o.Output == "":
		return usagef("-o is missing: convert has to know where to write").hinted("for example -o run.har")
	case len(args) > 1 && !f.merge:
		return usagef("%d recordings are given", len(args)).hinted("--merge makes one of them")
	case f.split != "" && f.split != "host":
		return usagef("--split: %q is not host", f.split)
	}
	o.Inputs, o.SplitHost = args, f.split != ""
	return nil
}

// setFormat decides what the output is written as.
func (o *convertOptions) setFormat(f convertFlags) error {
	switch strings.ToLower(filepath.Ext(o.Output)) {
	case ".har":
		o.Format = convert.HAR
	default:
		o.Format = convert.JSONL
	}
	switch f.to {
	case "":
	case string(convert.JSONL), string(convert.HAR):
		o.Format = convert.Format(f.to)
	default:
		return usagef("--to: %q is neither jsonl nor har", f.to)
	}
	switch o.Profile = har.Profile(f.profile); {
	case o.Profile != har.ProfileFull && o.Profile != har.ProfileHTTPOnly:
		return usagef("--har-profile: %q is not %s", f.profile, har.ProfileHTTPOnly)
	case o.Profile != har.ProfileFull && o.Format != convert.HAR:
		return usagef("--har-profile is for a HAR").hinted("write one: -o run.har")
	case o.Inline && o.Format == convert.HAR:
		return usagef("--inline is for JSON lines: a HAR has all content in it")
	}
	return nil
}

// parseRedact reads auto, off or the name of a rules file; nil is off.
func parseRedact(redact string) (*record.Redactor, error) {
	switch redact {
	case "off":
		return nil, nil
	case "auto":
		return record.NewRedactor(nil)
	}
	set, err := rules.Load(redact)
	if err != nil {
		return nil, usagef("--redact: %w", err).hinted("--redact is auto, off or a rules file")
	}
	var also []record.Pattern
	for _, f := range set.Redact() {
		p := record.Pattern{Header: f.Header, Query: f.Query, Form: f.Form, Cookie: f.Cookie, JSON: f.JSON}
		if f.Regex != nil {
			p.Regex = f.Regex.String()
		}
		also = append(also, p)
	}
	r, err := record.NewRedactor(also)
	if err != nil {
		return nil, usagef("--redact: %s: %w", redact, err)
	}
	return r, nil
}

func runConvert(ctx context.Context, io stdio, o convertOptions) error {
	ctx, stop := signal.NotifyContext(ctx, stopSignals...)
	defer stop()
	start := time.Now()
	var remove func()
	var err error
	o.Inputs, remove, err = localFiles(ctx, io, o.Inputs)
	defer remove()
	if err != nil {
		return err
	}
	result, err := o.run(ctx, io)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return errors.New("stopped: nothing was written")
	case errors.Is(err, convert.ErrSameFile):
		return usagef("-o: %w", err).hinted("write another file, and rename it if you want to replace the first")
	case err != nil:
		return replayHint(err)
	}
	took := time.Since(start)
	io.note("%s and %s with %s in %s (%s, %s/s)",
		english.Plural(int(result.Exchanges), "exchange", ""), english.Plural(int(result.Sockets), "WebSocket connection", ""),
		english.Plural(int(result.Frames), "frame", ""), strings.Join(result.Outputs, ", "),
		humanize.Bytes(uint64(result.Read)), humanize.Bytes(uint64(float64(result.Read)/max(took.Seconds(), 1e-6))))
	return nil
}

// run converts, with a progress bar on a terminal where it takes long.
func (o *convertOptions) run(ctx context.Context, io stdio) (convert.Result, error) {
	o.ToolVersion = buildVersion()
	o.Warn = func(text string) { io.note("warning: %s", text) }
	if io.live() {
		bar := progressbar.NewOptions64(sizeOf(o.Inputs), progressbar.OptionSetWriter(io.err), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription("convert"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		o.Progress = func(n int64) { _ = bar.Add64(n) } // a bar that cannot be drawn is no reason to stop
		defer func() { _ = bar.Finish() }()
	}
	return convert.Run(ctx, o.Options)
}

// sizeOf returns how many bytes files have, -1 if that cannot be told.
func sizeOf(paths []string) int64 {
	var size int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || strings.EqualFold(filepath.Ext(path), ".har") || !info.Mode().IsRegular() {
			return -1
		}
		size += info.Size()
	}
	return size
}

type redactOptions struct {
	files    []string
	redactor func() (*record.Redactor, error) // each file has marks of its own
	check    bool
}

func newRedactCmd(io stdio, run func(context.Context, stdio, redactOptions) error) *cobra.Command {
	var o redactOptions
	var ruleFile string
	cmd := &cobra.Command{
		Use:   "redact [flags] FILE...",
		Short: "Replace the secrets in recordings",
		Long: `Redact rewrites recordings, JSON lines or HAR, with marks such as
{{redacted:authorization:9f86d081}} in the place of secrets: what necto record
replaces by default, and what a rules file adds. --check changes nothing and exits
with 3 if there is a secret.`,
		Example: `  necto redact run.jsonl
  necto redact --check testdata/*.jsonl     # in CI: nothing secret is committed
  necto redact --rules rules.yaml run.har`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no recording given").hinted("for example `necto redact %s`", defaultRecording)
			}
			source := "auto"
			if ruleFile != "" {
				source = ruleFile
			}
			o.files, o.redactor = args, func() (*record.Redactor, error) { return parseRedact(source) }
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&ruleFile, "rules", "", "rules `file` whose redact: section names more secrets")
	flags.BoolVar(&o.check, "check", false, "change nothing, and exit with 3 if there is a secret")
	return cmd
}

// runRedact goes through all files, also where one has failed.
func runRedact(ctx context.Context, io stdio, o redactOptions) error {
	ctx, stop := signal.NotifyContext(ctx, stopSignals...)
	defer stop()
	left := int64(0)
	for _, path := range o.files {
		found, err := redactFile(ctx, io, path, o)
		if err != nil {
			return replayHint(err)
		}
		left += found
	}
	if o.check && left > 0 {
		return &exitError{code: exitCheck}
	}
	return nil
}

// redactFile returns how many exchanges and frames of a file have secrets.
func redactFile(ctx context.Context, io stdio, path string, o redactOptions) (int64, error) {
	redactor, err := o.redactor()
	if err != nil {
		return 0, err
	}
	options := convert.Options{
		Inputs: []string{path}, Output: path, InPlace: true, Redactor: redactor, CheckOnly: o.check, ToolVersion: buildVersion(),
		Format: convert.JSONL, Warn: func(text string) { io.note("warning: %s", text) },
	}
	if strings.EqualFold(filepath.Ext(path), ".har") {
		options.Format = convert.HAR
	}
	result, err := convert.Run(ctx, options)
	if err != nil {
		return 0, err
	}
	verb := "redacted"
	if o.check {
		verb = "with secrets"
	}
	_, err = fmt.Fprintf(io.out, "%s: %s\n", oneLine(path), english.Plural(int(result.Secrets), "exchange or frame "+verb, "exchanges and frames "+verb))
	return result.Secrets, err
}
