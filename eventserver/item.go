package eventserver

import (
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
	// requestRead says of an itemEntry that the content of the request is there.
	requestRead bool
	// gone says that it is not to be told: a later item of the segment says it
	// better, or its session was cleared.
	gone atomic.Bool
	// session is that of x, nil without one.
	session *session
	x       *traffic.Exchange
	// frame is that of an itemFrame, details is what other kinds need beside x, nil
	// for nothing.
	frame   *frame
	details *details
}

// details are what few items have.
type details struct {
	// request and response are the content of hit, or the beginning of what x has in
	// files.
	request, response content
	close             *traffic.WSClose
	// at is when close was.
	at  time.Time
	hit *traffic.Hit
	// control is that of an itemControl; of an itemHeld it is only the name.
	control   event
	published *publication
}

// frame is what is kept of a traffic.Frame, whose payload is valid only while
// it is observed.
type frame struct {
	traffic.Frame
	// cut says that the payload is only the beginning.
	cut bool
}

// What things take without text and content, in bytes, about: an exchange, any other
// item, and a header field.
const (
	exchangeCost = 2 << 10
	itemCost     = 64
	fieldCost    = 64
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

// cost is what the item holds in bytes, about. What an exchange takes is part of its
// entry and of its end.
func (it *item) cost() int64 {
	n := int64(itemCost)
	switch it.kind {
	case itemEntry:
		n += exchangeCost + fieldsCost(it.x.Request.Header) + int64(len(it.x.Request.Target))
	case itemDone, itemOpen:
		n += responseCost(it.x) + memoryOf(it.x.RequestBody) + memoryOf(it.x.ResponseBody)
	case itemRequest, itemHead, itemHeld, itemFrame, itemClose, itemControl, itemPublished:
	}
	if it.frame != nil {
		n += it.frame.cost()
	}
	if it.details != nil {
		n += it.details.cost()
	}
	return n
}

func responseCost(x *traffic.Exchange) int64 {
	if x.Response == nil {
		return 0
	}
	return fieldsCost(x.Response.Header)
}

func (d *details) cost() int64 {
	n := itemCost + int64(len(d.request.data)+len(d.response.data)) + d.control.args.cost()
	if d.published != nil {
		n += d.published.cost
	}
	return n
}

// cost is what a frame takes in memory, in bytes, about.
func (f *frame) cost() int64 { return 512 + int64(len(f.Payload)) }

// request returns the content of the request, as far as the item announces it.
func (it *item) request() content {
	switch {
	case it.details != nil && it.details.request.there:
		return it.details.request
	case it.kind == itemEntry && !it.requestRead, it.kind == itemHead, it.kind == itemHeld:
		return content{}
	}
	return contentOf(it.x.RequestBody)
}

// response returns the content of the response, as far as the item announces it.
func (it *item) response() content {
	switch {
	case it.details != nil && it.details.response.there:
		return it.details.response
	case it.kind != itemDone && it.kind != itemOpen:
		return content{}
	}
	return contentOf(it.x.ResponseBody)
}

// readBeginnings reads what is told of content that is not in memory, as long as it
// is there.
func (it *item) readBeginnings() {
	if it.kind == itemEntry && !it.requestRead {
		return
	}
	if outside(it.x.RequestBody) && (it.details == nil || !it.details.request.there) {
		it.ownDetails().request = contentOf(it.x.RequestBody)
	}
	if (it.kind == itemDone || it.kind == itemOpen) && outside(it.x.ResponseBody) {
		it.ownDetails().response = contentOf(it.x.ResponseBody)
	}
}

func (it *item) ownDetails() *details {
	if it.details == nil {
		it.details = new(details)
	}
	return it.details
}

// release gives back what the item holds.
func (it *item) release() {
	if it.details == nil {
		return
	}
	if p := it.details.published; p != nil && p.release != nil {
		p.release()
	}
}
