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

// told is an event of an item: what it is called, who gets it, and what writes its
// argument.
type told struct {
	name  string
	topic topic
	write func(*jsonWriter, *item)
}

// The events of items by kind, in order. Of an entry it is one, which belongs into a
// batch.
var (
	toldEntry   = []told{{eventBatch, topicUpdate, (*jsonWriter).entry}}
	toldRequest = []told{{eventUpdate, topicUpdate, (*jsonWriter).request}}
	toldHead    = []told{{eventUpdate, topicUpdate, (*jsonWriter).head}}
	toldDone    = []told{{eventUpdate, topicUpdate, (*jsonWriter).done}}
	toldFailed  = []told{toldDone[0], {eventSocketError, topicSocket, (*jsonWriter).openFailed}}
	toldOpen    = []told{toldDone[0], {eventSocketOpen, topicSocket, (*jsonWriter).open}}
	toldFrame   = []told{{eventSocketFrame, topicSocket, (*jsonWriter).frame}}
	toldClose   = []told{
		{eventSocketClose, topicSocket, (*jsonWriter).closed},
		{eventUpdate, topicUpdate, (*jsonWriter).socketDone},
	}
	toldBroken = []told{{eventSocketError, topicSocket, (*jsonWriter).broken}, toldClose[0], toldClose[1]}
)

// causeShutdown is the cause of a connection's end that is nobody's fault.
const causeShutdown = "shutdown"

// told returns the events of an item, but for those that are written already.
func (it *item) told() []told {
	switch it.kind {
	case itemEntry:
		return toldEntry
	case itemRequest:
		return toldRequest
	case itemHead:
		return toldHead
	case itemHeld:
		return it.toldHeld()
	case itemDone:
		if it.x.Failure != nil && isWebSocket(it.x) {
			return toldFailed
		}
		return toldDone
	case itemOpen:
		return toldOpen
	case itemFrame:
		return toldFrame
	case itemClose:
		if c := it.details.close; c.Cause != "" && c.Cause != causeShutdown {
			return toldBroken
		}
		return toldClose
	case itemControl, itemPublished:
	}
	return nil
}

func (it *item) toldHeld() []told {
	argument := (*jsonWriter).hit
	if it.details.control.name != eventHit {
		argument = (*jsonWriter).hitID
	}
	return []told{
		{eventUpdate, topicUpdate, (*jsonWriter).held},
		{it.details.control.name, topicControl, argument},
	}
}

// encode calls fn with the item's events of the topics wanted, which are valid during
// the call. It writes them with w.
func (it *item) encode(w *jsonWriter, wanted func(topic) bool, fn func(*event)) {
	switch it.kind {
	case itemControl:
		fn(&it.details.control)
		return
	case itemPublished:
		p := it.details.published
		fn(&event{name: p.name, args: p.encode()})
		return
	default:
	}
	for _, t := range it.told() {
		if wanted(t.topic) {
			w.begin(it)
			t.write(w, it)
			fn(&event{t.name, t.topic, w.encoded})
		}
	}
}
