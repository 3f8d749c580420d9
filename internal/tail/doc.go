// Package tail prints recordings for people: an exchange a line, a frame of a
// WebSocket connection a line.
//
//	p := tail.New(os.Stdout, tail.Options{Bodies: file})
//	err := file.Scan(p.Line)
//	if err == nil {
//		err = p.Finish()
//	}
//
// A Printer goes through a recording once and keeps only what it needs to know
// of connections and exchanges that have not ended. What comes from the network
// cannot move a terminal's cursor or turn the direction of text: such characters
// are printed as escapes.
//
// [Follow] reads a file that still grows.
package tail
