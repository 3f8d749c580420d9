package har

import (
	"encoding/json"
	"iter"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Message is a WebSocket message or a control frame, an element of
// `_webSocketMessages`.
type Message struct {
	// Time is written as seconds since 1970, to the microsecond.
	Time time.Time
	// Dir is `type`: "send" is ClientToServer.
	Dir    traffic.Direction
	Opcode traffic.Opcode
	// Body is `data`: as text for OpText, as base64 for all others. Text that is
	// not UTF-8 is base64, too, and says so with `_encoding`.
	Body Body

	// Fragments is `_fragments`, in how many frames the message came; 0 and 1
	// are left out.
	Fragments int
	// Truncated is `_truncated`: Body has only the beginning.
	Truncated bool
	// Close is `_close`, what a close frame says; nil for none.
	Close *Close
	// Necto is `_necto`, what necto knows and HAR cannot say; nil for none.
	Necto json.RawMessage
	Extra []Member
}

// Messages returns an iterator over messages that are in memory.
func Messages(all []Message) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

// Close is how a WebSocket connection ended.
type Close struct {
	// Code is 1005 for a close frame without one, 1006 if there was no close
	// frame.
	Code   int
	Reason string
	// Time is `timestamp`, when the connection ended, in seconds since 1970;
	// left out if zero.
	Time time.Time
}

// Event is an event of a text/event-stream, an element of
// `_eventSourceMessages`.
type Event struct {
	// Time is written as seconds since 1970.
	Time time.Time
	// Name is `eventName`, ID `eventId`.
	Name, ID, Data string
	Extra          []Member
}
