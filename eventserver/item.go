package eventserver

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// itemKind says what an item tells.
type itemKind uint8

const (
	itemEntry     itemKind = iota // an exchange began
	itemRequest                   // its request is complete, told later than that
	itemHead                      // the head of its response is there, told while it goes on
	itemHeld                      // it, or a message of its connection, is held at a breakpoint, or no more
	itemDone                      // it has ended
	itemOpen                      // it has opened a WebSocket connection
	itemFrame                     // a frame of that
	itemClose                     // its end
	itemControl                   // an event that belongs to no exchange
	itemPublished                 // one of another namespace than "/"
)

// item is one thing to tell.
type item struct {
	kind itemKind
	// gone says that it is not to be told: a later item of the segment says it
	// better, or its session was cleared.
	gone atomic.Bool
	// session is that of x, nil without one.
	session *session
	x       *traffic.Exchange
	// at is when it happened, where x does not say.
	at time.Time
	// request and response are the content as far as it is known, or that of hit.
	request, response content
	frame             *frame
	close             *traffic.WSClose
	hit               *traffic.Hit
	// control is that of an itemControl; of an itemHeld it is only the name.
	control event
	// published is that of an itemPublished.
	published *publication
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

// itemCost is what an item takes without what it refers to, and fieldCost what a
// header field takes without its text, in bytes.
const (
	itemCost  = 1 << 10
	fieldCost = 64
)

// fieldsCost is what a header takes in memory, in bytes: a field refers to its
// line, too.
func fieldsCost(fields traffic.Fields) int64 {
	n := fieldCost * len(fields)
	for i := range fields {
		n += len(fields[i].Name) + len(fields[i].Value)
	}
	return int64(n)
}

// encoded is JSON, and what is binary in it.
type encoded struct {
	text []byte
	// holes are the places in text where the number of an attachment belongs.
	holes       []int
	attachments [][]byte
}

// cost is what it takes in memory, in bytes.
func (e *encoded) cost() int64 {
	n := len(e.text)
	for _, a := range e.attachments {
		n += len(a)
	}
	return int64(n)
}

// topic says who gets an event.
type topic uint8

const (
	topicControl topic = iota // everyone
	topicBatch                // those who have subscribed to traffic; it is an entry of a batch
	topicUpdate               // those who have subscribed to traffic
	topicSocket               // everyone, but for those whose subscriptions say otherwise
)

// event is what an item becomes.
type event struct {
	name  string
	topic topic
	// args are the arguments, or the entry of a batch; without text there are none.
	args encoded
}

// release gives back what the item holds.
func (it *item) release() {
	it.request.release()
	it.response.release()
	if it.published != nil && it.published.release != nil {
		it.published.release()
	}
}
