package tail

import (
	"slices"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// item is a line that was selected. Its parts are parsed when they are wanted,
// once.
type item struct {
	record.Line
	// label tells the connections of a source apart where several are open.
	label string
	// handshake is the exchange whose 101 opened the connection, for a frame or
	// the end of one; nil if it is not in the recording.
	handshake *traffic.Exchange
	// source has the content that is not in the line.
	source Source

	parsedEntry *record.Entry
	parsedFrame *record.FrameEntry
	parsedClose *record.CloseEntry
}

// lineError says why a line could not be understood.
type lineError struct{ err error }

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

// parsed returns what parse makes of a line, and remembers it in at.
func parsed[T any](at **T, raw []byte, parse func([]byte) (*T, error)) (*T, error) {
	if *at == nil {
		part, err := parse(raw)
		if err != nil {
			return nil, &lineError{err}
		}
		*at = part
	}
	return *at, nil
}

// keep lets the item outlive the call that it was made in.
func (it *item) keep() { it.Raw = slices.Clone(it.Raw) }

// entry returns an exchange or a handshake.
func (it *item) entry() (*record.Entry, error) {
	return parsed(&it.parsedEntry, it.Raw, record.ParseEntry)
}

// frame returns a frame.
func (it *item) frame() (*record.FrameEntry, error) {
	return parsed(&it.parsedFrame, it.Raw, record.ParseFrame)
}

// end returns the end of a connection.
func (it *item) end() (*record.CloseEntry, error) {
	return parsed(&it.parsedClose, it.Raw, record.ParseWSClose)
}
