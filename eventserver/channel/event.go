package channel

import (
	"encoding/json"
	"time"

	"github.com/necto-dev/necto/internal/ports"
)

// message is an event as clients get it.
type message struct {
	Type    ports.EventType `json:"type"`
	Payload string          `json:"payload,omitempty"`
}

// numbered is an event as clients get it that ask for numbers.
type numbered struct {
	Seq uint64 `json:"seq"`
	// Time is in ms since 1970.
	Time int64 `json:"ts"`
	message
}

// event is one that was published.
type event struct {
	seq  uint64
	time time.Time
	message
}

// text returns what a client is sent.
func (e event) text(withNumber bool) []byte {
	var v any = e.message
	if withNumber {
		v = numbered{Seq: e.seq, Time: e.time.UnixMilli(), message: e.message}
	}
	text, _ := json.Marshal(v) // texts and numbers
	return text
}
