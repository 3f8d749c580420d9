// Package convert makes recordings of recordings: other formats, parts of them,
// several as one, without secrets or without what changes from run to run.
//
//	result, err := convert.Run(ctx, convert.Options{Inputs: []string{"run.jsonl"}, Output: "run.har"})
//
// An output takes its place whole or not at all: it is written under another name
// beside it, with its folder of bodies, and renamed at the end. Lines go through one
// by one, so that memory does not grow with the recording; [Options.Normalize]
// remembers the place of each line, and [Options.Inline] has the longest body in
// memory.
package convert
