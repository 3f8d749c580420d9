package fleet

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// node is another node as far as it is known. It tells the observer of its traffic
// and keeps the order of events that observers count on, whatever was missed. It
// belongs to the goroutine that listens.
type node struct {
	space  *Space
	number uint64
	// session is "" before the node has said who it is: nothing is told until then.
	session string
	heard   time.Time
	last    uint64 // the number of its last batch
	// open has the exchanges and connections that have not ended, by their numbers
	// there, and hits what is held.
	open map[uint64]*openExchange
	hits map[uint64]*traffic.Hit
	// ended has the exchanges that were ended here, as batches were missed, and may
	// go on there.
	ended map[uint64]bool
}

// openExchange is an exchange that has not ended.
type openExchange struct {
	*traffic.Exchange
	requestDone, responseStarted, opened bool
	frames                               uint64 // the seq of the last one
}

func newNode(s *Space, number uint64) *node {
	return &node{space: s, number: number, open: map[uint64]*openExchange{}, hits: map[uint64]*traffic.Hit{}, ended: map[uint64]bool{}}
}

// follows notes the number of a batch, and returns false if it was there before.
// Where batches are missing everything that is open may have ended.
func (n *node) follows(count uint64) bool {
	if count <= n.last {
		return false
	}
	if count > n.last+1 {
		if n.session != "" {
			n.space.log.Warn("events of a node were missed", "node", n.session)
			n.endAll("events of the node were missed")
		}
		n.space.greet()
	}
	n.last = count
	return true
}

// take takes a message.
func (n *node) take(m *message) {
	switch m.Kind {
	case kindHello, kindHere:
		n.meet(m)
		return
	case kindResume, kindInject:
		if m.To == n.space.number {
			go n.space.obey(n.number, m)
		}
		return
	case kindAnswer:
		if m.To == n.space.number {
			n.space.calls.answer(m)
		}
		return
	default:
	}
	if n.session != "" {
		n.event(m)
	}
}

// meet notes who the node is. One that has just come wants to know us, and what we
// hold.
func (n *node) meet(m *message) {
	if n.session == "" && m.Session != "" {
		n.session = m.Session
		if n.space.opts.Joined != nil {
			n.space.opts.Joined(n.number, m.Session, m.Name)
		}
	}
	if m.Kind == kindHello {
		n.space.introduce()
	}
}

// event tells the observer of an event.
func (n *node) event(m *message) {
	switch m.Kind {
	case kindStarted:
		n.find(m.Exchange)
	case kindRequest:
		n.requestDone(m.Exchange)
	case kindResponse:
		n.responseStarted(m.Exchange)
	case kindDone, kindAborted, kindOpened:
		n.end(m.Kind, m.Exchange)
	case kindFrame:
		n.frame(m)
	case kindClosed:
		n.closed(m.ID, m.Close)
	case kindLost:
		for _, id := range m.IDs {
			n.abort(id, "its end was lost")
			delete(n.ended, id) // nothing more comes of it
		}
	case kindHit:
		n.hit(m)
	case kindResumed, kindTimedOut:
		n.resumed(m)
	case kindTLS:
		n.tell(*m.TLS)
	case kindClient:
		c := m.Client
		n.tell(traffic.ClientError{Conn: traffic.ConnID(c.Conn), Client: c.Client, Time: c.Time, Failure: c.Failure.failure(), Status: c.Status})
	default: // of a later version
	}
}

func (n *node) tell(e traffic.Event) { n.space.opts.Observer.Observe(e) }

// here returns a number of the node as it is here.
func (n *node) here(id uint64) uint64 {
	return n.number<<traffic.NodeShift + id&(1<<traffic.NodeShift-1)
}

// find returns an exchange that is open, which it begins if it was not known; nil
// for one that was ended here.
func (n *node) find(w *wireExchange) *openExchange {
	if n.ended[w.ID] {
		return nil
	}
	o := n.open[w.ID]
	if o == nil {
		o = &openExchange{Exchange: w.begin(traffic.ExchangeID(n.here(w.ID)))}
		o.RequestDone, o.ResponseStarted = -1, -1
		n.open[w.ID] = o
		n.tell(traffic.RequestStarted{Exchange: o.Exchange})
	}
	return o
}

func (n *node) requestDone(w *wireExchange) {
	o := n.find(w)
	if o == nil || o.requestDone || w.RequestDone < 0 {
		return
	}
	o.requestDone = true
	o.RequestBody, o.RequestDone = w.RequestBody.body(), w.RequestDone
	o.Request.Trailer = traffic.Fields(w.Request.Trailer)
	n.tell(traffic.RequestDone{Exchange: o.Exchange})
}

func (n *node) responseStarted(w *wireExchange) *openExchange {
	o := n.find(w)
	if o == nil || o.responseStarted || w.Response == nil {
		return o
	}
	o.responseStarted = true
	o.Server, o.Response, o.ResponseStarted = w.Server, w.Response.response(), w.ResponseAt
	n.tell(traffic.ResponseStarted{Exchange: o.Exchange})
	return o
}

// end ends an exchange, or lets it go over to WebSocket.
func (n *node) end(k kind, w *wireExchange) {
	n.requestDone(w)
	o := n.responseStarted(w)
	if o == nil || o.opened {
		delete(n.ended, w.ID)
		return
	}
	if o.Response != nil {
		o.Response.Trailer = w.Response.trailer()
	}
	if !o.requestDone {
		o.RequestBody = w.RequestBody.body()
	}
	o.Server = w.Server
	w.end(o.Exchange)
	defer o.ReleaseBodies()
	switch k {
	case kindOpened:
		o.opened = true
		n.tell(traffic.WSOpened{Exchange: o.Exchange})
		return
	case kindDone:
		n.letGo(o)
		n.tell(traffic.ExchangeDone{Exchange: o.Exchange})
	default:
		n.letGo(o)
		n.tell(traffic.ExchangeAborted{Exchange: o.Exchange})
	}
	delete(n.open, w.ID)
}

// trailer returns the trailer of a response, nil for none.
func (w *wireResponse) trailer() traffic.Fields {
	if w == nil {
		return nil
	}
	return traffic.Fields(w.Trailer)
}

// frame tells of a frame. Without its handshake nobody would know what it is of.
func (n *node) frame(m *message) {
	o := n.open[m.ID]
	if o == nil || !o.opened {
		return
	}
	f := m.Frame.frame(o.Exchange)
	o.frames++
	f.Seq = o.frames // observers count on it: some may have been lost
	n.tell(traffic.FrameSeen{Frame: f})
}

func (n *node) closed(id uint64, c *traffic.WSClose) {
	o := n.open[id]
	delete(n.ended, id)
	if o == nil || !o.opened {
		return
	}
	delete(n.open, id)
	n.letGo(o)
	n.tell(traffic.WSClosed{Exchange: o.Exchange, Close: c})
}

func (n *node) hit(m *message) {
	o := n.find(m.Exchange)
	if o == nil || n.hits[m.Hit.ID] != nil {
		return
	}
	h := m.Hit.hit(traffic.HitID(n.here(m.Hit.ID)), o.Exchange)
	n.hits[m.Hit.ID] = h
	n.tell(traffic.BreakpointHit{Hit: h})
}

func (n *node) resumed(m *message) {
	h := n.hits[m.ID]
	if h == nil {
		return
	}
	delete(n.hits, m.ID)
	if m.Kind == kindTimedOut {
		n.tell(traffic.BreakpointTimedOut{Hit: h, Resumed: m.At, Action: m.Action})
		return
	}
	n.tell(traffic.BreakpointResumed{Hit: h, Resumed: m.At, Action: m.Action, By: m.By})
}

// abort ends an exchange or a connection here, whatever becomes of it there.
func (n *node) abort(id uint64, why string) {
	o := n.open[id]
	if o == nil {
		return
	}
	delete(n.open, id)
	n.ended[id] = true
	n.letGo(o)
	now := time.Now()
	if o.opened {
		n.tell(traffic.WSClosed{Exchange: o.Exchange, Close: &traffic.WSClose{
			Code: 1006, By: traffic.SideNecto, Cause: "shutdown", Duration: max(0, now.Sub(o.Started)),
		}})
		return
	}
	o.Duration = max(0, now.Sub(o.Started))
	o.Timing = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}
	o.Failure = &traffic.Failure{Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: why}
	n.tell(traffic.ExchangeAborted{Exchange: o.Exchange})
}

// letGo ends the hits of an exchange that ends: that they ended may have been lost.
func (n *node) letGo(o *openExchange) {
	for id, h := range n.hits {
		if h.Exchange == o.Exchange {
			delete(n.hits, id)
			n.tell(traffic.BreakpointResumed{Hit: h, Resumed: time.Now(), Action: traffic.ResumeContinue, By: "shutdown"})
		}
	}
}

// endAll ends everything here.
func (n *node) endAll(why string) {
	for id := range n.open {
		n.abort(id, why)
	}
}

// leave says that nothing more is heard of the node for now.
func (n *node) leave(why string) {
	n.endAll(why)
	n.space.calls.gone(n.number)
}
