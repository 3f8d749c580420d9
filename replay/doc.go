// Package replay answers requests from recordings. It knows no network: what
// was not recorded is a miss, in every state, and a miss is an answer that says
// which recorded request was closest and what differed.
//
//	index, err := replay.Load([]string{"run.jsonl"}, replay.Options{})
//	...
//	defer index.Close()
//	resp, err := index.RoundTrip(ctx, req)
//
// # Matching
//
// A request is answered by an exchange with the same method, URL and content,
// compared after normalisation: see docs/replay.md for the rules. Header fields
// are never compared. Exchanges that are the same in this sense answer in the
// order in which they were started, and the last one repeats.
//
// The Body of a 101 that opens a recorded WebSocket connection is an
// [io.ReadWriteCloser] with CloseWrite: the recorded server, which reads what the
// client sends and says what it said. It ends with its Close, and with the
// context of the RoundTrip, which therefore has to live as long.
//
// A gRPC call is compared message by message. One in which the recorded server said
// something before the client had ended its side is answered in the same way: its
// response begins once that is due, and reading its Body reads the request.
//
// # Memory
//
// Load reads each file once and keeps about 60 bytes for each exchange and 16 for
// each WebSocket frame; lines and bodies stay on disk and are read when they are
// served. A bounded cache holds small answers that were served lately. The files
// must not change while an Index is open.
package replay
