// Package tail prints recordings for people: an exchange a line, a frame of a
// WebSocket connection a line.
//
//	sources := []tail.Source{tail.NewFile("run.jsonl", false)}
//	err := tail.Run(ctx, os.Stdout, sources, tail.Options{})
//
// A [Source] yields the lines of one recording, which may still grow. Each is gone
// through once, by a goroutine of its own that keeps only what it needs to know of
// connections and exchanges that have not ended. A line that a filter rules out by
// its bytes is not parsed, and content beside a recording is read only if it is
// printed or searched.
//
// What comes from the network cannot move a terminal's cursor or turn the
// direction of text: such characters are printed as escapes.
package tail
