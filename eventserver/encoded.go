package eventserver

import "slices"

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

// reset empties e, whose memory is used again.
func (e *encoded) reset() {
	clear(e.attachments)
	e.text, e.holes, e.attachments = e.text[:0], e.holes[:0], e.attachments[:0]
}

// append adds what o has behind what e has.
func (e *encoded) append(o *encoded) {
	at := len(e.text)
	e.text = append(e.text, o.text...)
	for _, hole := range o.holes {
		e.holes = append(e.holes, at+hole)
	}
	e.attachments = append(e.attachments, o.attachments...)
}

// clone returns a copy with memory of its own, but for the attachments' content.
func (e *encoded) clone() encoded {
	return encoded{slices.Clone(e.text), slices.Clone(e.holes), slices.Clone(e.attachments)}
}

// topic says who gets an event.
type topic uint8

const (
	topicControl topic = iota // everyone
	topicUpdate               // those who have subscribed to traffic
	topicSocket               // everyone, but for those whose subscriptions say otherwise
)

// event is an event of a namespace.
type event struct {
	name  string
	topic topic
	// args are the arguments; without text there are none.
	args encoded
}
