package eventserver

import "github.com/necto-dev/necto/traffic"

// The events of the namespace "/" that carry traffic.
const (
	eventBatch       = "traffic:batch"
	eventUpdate      = "traffic:update"
	eventSocketOpen  = "websocket:open"
	eventSocketFrame = "websocket:frame"
	eventSocketClose = "websocket:close"
	eventSocketError = "websocket:error"
)

// encodedFor returns the item's events. The first who asks encodes them. Of an
// entry it is one, which belongs into a batch.
func (it *item) encodedFor(session string) []event {
	it.once.Do(func() { it.events = it.encode(session) })
	return it.events
}

func (it *item) encode(session string) []event {
	write := func(name string, fn func(w *jsonWriter)) event {
		w := jsonWriter{session: session}
		fn(&w)
		return event{name: name, traffic: name == eventBatch || name == eventUpdate, args: w.encoded}
	}
	switch it.kind {
	case itemEntry:
		return []event{write(eventBatch, func(w *jsonWriter) { w.entry(it) })}
	case itemRequest:
		return []event{write(eventUpdate, func(w *jsonWriter) { w.request(it) })}
	case itemHead:
		return []event{write(eventUpdate, func(w *jsonWriter) { w.head(it) })}
	case itemHeld:
		return []event{write(eventUpdate, func(w *jsonWriter) { w.held(it) }), it.control}
	case itemDone:
		events := []event{write(eventUpdate, func(w *jsonWriter) { w.done(it) })}
		if it.x.Failure != nil && isWebSocket(it.x) {
			events = append(events, write(eventSocketError, func(w *jsonWriter) {
				w.socketError(it.x, it.x.Failure.Text, it.x.Started.Add(it.x.Duration).UnixMilli())
			}))
		}
		return events
	case itemOpen:
		return []event{
			write(eventUpdate, func(w *jsonWriter) { w.done(it) }),
			write(eventSocketOpen, func(w *jsonWriter) { w.open(it) }),
		}
	case itemFrame:
		return []event{write(eventSocketFrame, func(w *jsonWriter) { w.frame(it) })}
	case itemClose:
		return it.encodeClose(write)
	case itemControl:
		return []event{it.control}
	}
	return nil
}

func (it *item) encodeClose(write func(string, func(*jsonWriter)) event) []event {
	var events []event
	if c := it.close; c.Cause != "" && c.Cause != "shutdown" {
		events = append(events, write(eventSocketError, func(w *jsonWriter) {
			w.socketError(it.x, brokenText(c), it.at.UnixMilli())
		}))
	}
	return append(events,
		write(eventSocketClose, func(w *jsonWriter) { w.closed(it) }),
		write(eventUpdate, func(w *jsonWriter) { w.socketDone(it) }))
}

// held writes the update of an exchange that a breakpoint holds, or no more.
func (w *jsonWriter) held(it *item) {
	w.id(`{"id":`, it.x.ID, "")
	w.bool(`,"isBreakpointed":`, it.control.name == eventHit)
	w.raw("}")
}

var _ traffic.Observer = (*Server)(nil)
