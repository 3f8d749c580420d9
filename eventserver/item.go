package eventserver

import (
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// itemKind says what an item tells.
type itemKind uint8

const (
	itemEntry   itemKind = iota // an exchange began
	itemRequest                 // its request is complete, told later than that
	itemHead                    // the head of its response is there, told while it goes on
	itemHeld                    // it is held at a breakpoint
	itemDone                    // it has ended
	itemOpen                    // it has opened a WebSocket connection
	itemFrame                   // a frame of that
	itemClose                   // its end
	itemControl                 // an event that belongs to no exchange's traffic
)

// item is one thing to tell.
type item struct {
	kind itemKind
	// gone says that a later item of the segment says it better.
	gone bool
	x    *traffic.Exchange
	// at is when it happened, where x does not say.
	at time.Time
	// request and response are the content as far as it is told by this item.
	request, response content
	frame             *frame
	close             *traffic.WSClose
	// control is that of an itemControl.
	control event
	// cost is what the item holds in bytes, about.
	cost int64

	once   sync.Once
	events []event
}

// frame is what is kept of a traffic.Frame, whose payload is valid only while
// it is observed.
type frame struct {
	traffic.Frame
	// cut says that the payload is only the beginning.
	cut bool
}

// itemCost is what an item takes without what it refers to, in bytes.
const itemCost = 1 << 10

// encoded is JSON, and what is binary in it.
type encoded struct {
	text []byte
	// holes are the places in text where the number of an attachment belongs.
	holes       []int
	attachments [][]byte
}

// event is what an item becomes.
type event struct {
	name string
	// traffic says that it is for those who have subscribed to traffic; others go
	// to everyone.
	traffic bool
	// args are the arguments, or the entry of a batch.
	args encoded
}

// release gives back what the item holds.
func (it *item) release() {
	it.request.release()
	it.response.release()
}
