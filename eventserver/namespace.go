package eventserver

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/necto-dev/necto/traffic"
)

// namespace is one of Socket.IO beside "/", with events of its own. What they are
// is up to a feed, an observer that is only told something while a client is
// connected to the namespace, and that publishes what it makes of it:
//
//	func newFeed(to *namespace) traffic.Observer { return &feed{to} }
//
//	func (f *feed) Observe(e traffic.Event) {
//		if e, ok := e.(traffic.RequestStarted); ok && f.to.wants("request-initiated") {
//			f.to.publish("request-initiated", encoded{text: []byte(`{"id":"1"}`)})
//		}
//	}
//
// Server.New plugs it in: s.addNamespace("/mockttp", newFeed). While nobody is
// connected an event costs the proxy one atomic read.
//
// An event is encoded once, by who publishes it, and goes through a ring, as those
// of "/" do: 100 ms later at most, in order, and who is too slow is told "lagged". A
// client gets all events, from when it has connected on, until it emits "subscribe"
// with {events, since}, both optional: the names of those it wants, and the number of
// the event to begin with. The acknowledgement says which number is next (seq).
// "unsubscribe" leaves it with none.
type namespace struct {
	ring *ring
	feed traffic.Observer

	mu      sync.Mutex // guards clients, and is held while what one wants changes
	clients []*eventNames
	// wanted is what clients want together, nil while there are none.
	wanted atomic.Pointer[eventNames]
}

// addNamespace opens a namespace, before the Server observes anything. name begins
// with "/".
func (s *Server) addNamespace(name string, newFeed func(to *namespace) traffic.Observer) {
	n := &namespace{ring: newRing(name, s.opts.RingItems, s.opts.RingBytes, nil)}
	n.feed = newFeed(n)
	s.namespaces = append(s.namespaces, n)
	s.host(name, n.ring, n.enter, map[string]handler{"subscribe": n.subscribe, "unsubscribe": n.unsubscribe})
}

// observe tells the feed of an event if there are clients.
func (n *namespace) observe(e traffic.Event) {
	if n.wanted.Load() != nil {
		n.feed.Observe(e)
	}
}

// wants reports whether a client wants events of that name.
func (n *namespace) wants(name string) bool {
	wanted := n.wanted.Load()
	return wanted != nil && wanted.has(name)
}

// publish tells those clients that want it of an event. args is its argument, which
// is not changed any more; with other than one it has no text.
func (n *namespace) publish(name string, args encoded) {
	n.ring.add(&item{kind: itemControl, cost: itemCost + args.cost(), control: event{name: name, args: args}}, false)
}

// enter returns what a client wants that has just come.
func (n *namespace) enter() interest {
	w := &eventNames{namespace: n, all: true}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clients = append(n.clients, w)
	n.recount()
	return w
}

// recount finds out what clients want together, under mu.
func (n *namespace) recount() {
	if len(n.clients) == 0 {
		n.wanted.Store(nil)
		return
	}
	together := new(eventNames)
	for _, w := range n.clients {
		together.all = together.all || w.all
		together.names = append(together.names, w.names...)
	}
	slices.Sort(together.names)
	together.names = slices.Compact(together.names)
	n.wanted.Store(together)
}

// subscribe answers "subscribe".
func (n *namespace) subscribe(c *client, arg any) (any, error) {
	options, ok := arg.(map[string]any)
	if !ok && arg != nil {
		return nil, errArgument("subscribe", "an object {events, since}")
	}
	names, err := optionalTexts(options, "events")
	if err != nil {
		return nil, err
	}
	since, err := optionalNumber(options, "since")
	if err != nil {
		return nil, err
	}
	n.change(c, names == nil, names)
	_, next := n.ring.bounds()
	answer := map[string]any{"seq": next}
	if since != nil {
		c.sub.resume(answer, *since)
	}
	return answer, nil
}

// unsubscribe answers "unsubscribe".
func (n *namespace) unsubscribe(c *client, _ any) (any, error) {
	n.change(c, false, nil)
	return nil, nil
}

// change lets a client want all, or what has one of the names.
func (n *namespace) change(c *client, all bool, names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.sub.mu.Lock()
	defer c.sub.mu.Unlock()
	w := c.sub.wanted.(*eventNames)
	w.all, w.names = all, names
	n.recount()
}

// maxNames is how many events a client may name.
const maxNames = 100

// optionalTexts returns a list of texts, nil for none.
func optionalTexts(options map[string]any, name string) ([]string, error) {
	if options[name] == nil {
		return nil, nil
	}
	list, ok := options[name].([]any)
	if !ok || len(list) > maxNames {
		return nil, fmt.Errorf("%s is no list of texts, or has more than %d", name, maxNames)
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("%s has something else than texts", name)
		}
	}
	return texts, nil
}

// eventNames are those that a client wants: all, or those named. They are guarded
// by its subscriber's mu, and by that of the namespace: who changes them holds both.
type eventNames struct {
	namespace *namespace
	all       bool
	names     []string
}

func (w *eventNames) has(name string) bool { return w.all || slices.Contains(w.names, name) }

// audience implements interest.
func (w *eventNames) audience(*segment) (audience, bool) { return controlOnly, w.all }

// pack implements interest.
func (w *eventNames) pack(p *packer, it *item) {
	if w.has(it.control.name) {
		p.add(it, false, false)
	}
}

// forget implements interest.
func (w *eventNames) forget() {}

// leave implements interest.
func (w *eventNames) leave() {
	n := w.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clients = slices.DeleteFunc(n.clients, func(o *eventNames) bool { return o == w })
	n.recount()
}
