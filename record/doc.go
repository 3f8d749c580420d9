// Package record writes and reads recordings: what a run saw, as JSON lines
// (docs/recording.md has the format).
//
// A [Writer] is a traffic.Observer:
//
//	w, err := record.Create("run.jsonl", record.Options{Mode: "forward"})
//	...
//	p := proxy.New(proxy.Options{Observer: w})
//	...
//	err = w.Close()
//
// A [File] is read line by line; bodies are opened when they are wanted:
//
//	f, err := record.Open("run.jsonl")
//	...
//	err = f.Scan(func(line record.Line) error {
//		if line.Type != record.TypeHTTP {
//			return nil
//		}
//		entry, err := record.ParseEntry(line.Raw)
//		...
//	})
//
// # Nothing is lost
//
// Observe puts events into a bounded queue, and one goroutine makes lines of
// them and writes many at once, within 50 ms. If the disk is slower than the
// traffic, Observe waits. Frames, which are gone when it returns, are copied. The
// first write error ends the recording: Failed is closed, the file is cut back to
// its last whole line, and Close returns the error. After a kill every line but the last is whole; a reader leaves that out.
//
// # What a line has
//
// Content has its transfer and content codings undone. Up to 64 KiB of it are in
// the line, more is in the sidecar folder, in a file named for its SHA-256. The
// wire is never touched: decoding and redaction happen to the copy.
//
// Lines of one exchange replace each other: a reader takes the last http or
// http.pending line of an ID. A WebSocket connection has a ws.open line in their
// place ([ParseEntry]), a ws.frame line for each frame ([ParseFrame]) and a
// ws.close line ([ParseWSClose]).
//
// # Lines as traffic
//
// [Entry.Exchange] and [FrameEntry.Frame] turn lines into the model they came
// from, for whoever works on live traffic and on recordings alike. Content stays
// as the recording has it: its codings are undone, and traffic.Body.Decoded tells
// which. Nothing is read from sidecars before somebody reads such a Body. A Writer
// that observes it makes the same line of it.
package record
