package eventserver

// The events of the namespace "/" that carry traffic.
const (
	eventBatch       = "traffic:batch"
	eventUpdate      = "traffic:update"
	eventSocketOpen  = "websocket:open"
	eventSocketFrame = "websocket:frame"
	eventSocketClose = "websocket:close"
	eventSocketError = "websocket:error"
)

// encoded returns the item's events. The first who asks encodes them; made is what
// that takes in bytes. Of an entry it is one, which belongs into a batch.
func (it *item) encoded() (events []event, made int64) {
	it.once.Do(func() {
		it.events = it.encode()
		for i := range it.events {
			made += it.events[i].args.cost()
		}
	})
	return it.events, made
}

func (it *item) encode() []event {
	switch it.kind {
	case itemEntry:
		return []event{it.write(eventBatch, topicBatch, (*jsonWriter).entry)}
	case itemRequest:
		return []event{it.write(eventUpdate, topicUpdate, (*jsonWriter).request)}
	case itemHead:
		return []event{it.write(eventUpdate, topicUpdate, (*jsonWriter).head)}
	case itemHeld:
		return it.encodeHeld()
	case itemDone:
		return it.encodeDone()
	case itemOpen:
		return []event{
			it.write(eventUpdate, topicUpdate, (*jsonWriter).done),
			it.write(eventSocketOpen, topicSocket, (*jsonWriter).open),
		}
	case itemFrame:
		return []event{it.write(eventSocketFrame, topicSocket, (*jsonWriter).frame)}
	case itemClose:
		return it.encodeClose()
	case itemPublished:
		return []event{{name: it.published.name, args: it.published.encode()}}
	default: // itemControl
		return []event{it.control}
	}
}

// write returns an event whose argument fn writes.
func (it *item) write(name string, t topic, fn func(*jsonWriter, *item)) event {
	var w jsonWriter
	if it.session != nil {
		w.session = it.session.id
	}
	fn(&w, it)
	return event{name: name, topic: t, args: w.encoded}
}

func (it *item) encodeHeld() []event {
	argument := (*jsonWriter).hit
	if it.control.name != eventHit {
		argument = (*jsonWriter).hitID
	}
	return []event{
		it.write(eventUpdate, topicUpdate, (*jsonWriter).held),
		it.write(it.control.name, topicControl, argument),
	}
}

func (it *item) encodeDone() []event {
	events := []event{it.write(eventUpdate, topicUpdate, (*jsonWriter).done)}
	if it.x.Failure != nil && isWebSocket(it.x) {
		events = append(events, it.write(eventSocketError, topicSocket, (*jsonWriter).openFailed))
	}
	return events
}

func (it *item) encodeClose() []event {
	var events []event
	if c := it.close; c.Cause != "" && c.Cause != causeShutdown {
		events = append(events, it.write(eventSocketError, topicSocket, (*jsonWriter).broken))
	}
	return append(events,
		it.write(eventSocketClose, topicSocket, (*jsonWriter).closed),
		it.write(eventUpdate, topicUpdate, (*jsonWriter).socketDone))
}

// causeShutdown is the cause of a connection's end that is nobody's fault.
const causeShutdown = "shutdown"
