package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/record"
)

type rulesInferOptions struct{ a, b string }

func newRulesInferCmd(io stdio, run func(context.Context, stdio, rulesInferOptions) error) *cobra.Command {
	return &cobra.Command{
		Use:   "infer A B",
		Short: "Find volatile fields by comparing two recordings of the same run",
		Long: `Infer compares the requests of two recordings of the same program, as diff does, and
prints what was different in them as the ignore: section of a rules file, for you to
review: fields that replay then does not compare. Comments say where each was seen and
what it was.`,
		Example: `  necto rules infer monday.jsonl tuesday.jsonl >ignore.yaml
  necto replay monday.jsonl --rules ignore.yaml -- npm test`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("infer needs two recordings, not %d", len(args)).
					hinted("for example `necto rules infer monday.jsonl tuesday.jsonl`")
			}
			return run(cmd.Context(), io, rulesInferOptions{args[0], args[1]})
		},
	}
}

func runRulesInfer(ctx context.Context, io stdio, o rulesInferOptions) error {
	a, err := record.Open(o.a)
	if err != nil {
		return replayHint(err)
	}
	defer a.Close()
	b, err := record.Open(o.b)
	if err != nil {
		return replayHint(err)
	}
	defer b.Close()
	found := new(volatileFields)
	// What is volatile by its shape is what is looked for.
	_, err = diff.Compare(a, b, diff.Options{Strict: true}, func(x *diff.Exchange) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found.add(x)
		return nil
	})
	warnOf(io, a, b)
	if err != nil {
		return err
	}
	found.pairUp()
	for _, request := range found.unexplained {
		io.note("%s: the requests differ in what no ignore: entry can name", request)
	}
	if len(found.fields) == 0 {
		io.note("no volatile field was found")
	}
	enc := yaml.NewEncoder(io.out)
	enc.SetIndent(2)
	if err := enc.Encode(found.node(o)); err != nil {
		return err
	}
	return enc.Close()
}

// node returns the rules file with comments.
func (v *volatileFields) node(o rulesInferOptions) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	if len(v.fields) == 0 {
		list.Style = yaml.FlowStyle
	}
	for _, f := range v.fields {
		entry := mapping(text(f.kind), text(f.name))
		entry.HeadComment = fmt.Sprintf("%s: %s, then %s", oneLine(f.request), f.from, f.to)
		if f.shape != "" {
			entry.HeadComment += " (" + f.shape + ")"
		}
		if f.times > 1 {
			entry.HeadComment += fmt.Sprintf(", and %d more", f.times-1)
		}
		list.Content = append(list.Content, entry)
	}
	version := &yaml.Node{Kind: yaml.ScalarNode, Value: "1"}
	file := mapping(text("version"), version, text("ignore"), list)
	file.HeadComment = fmt.Sprintf("Volatile fields of %s and %s: review them.", oneLine(o.a), oneLine(o.b))
	return file
}

func mapping(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: content}
}

func text(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}
