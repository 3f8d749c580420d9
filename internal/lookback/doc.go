// Package lookback finds exchanges and frames in a recording, by their numbers in
// this run, while the recording is being written or played:
//
//	f := lookback.Open("run.jsonl", session)
//	defer f.Close()
//	x, closed, err := f.Exchange(7)
//
// Nothing is read before somebody asks. Then the file is read as far as it goes by
// now, and what was added since when somebody asks again. An exchange takes 24 bytes
// of memory, a WebSocket connection twice that; lines and content stay on disk.
package lookback
