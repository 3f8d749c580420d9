package eventserver

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/necto-dev/necto/internal/filter"
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
//			f.to.publish(publication{name: "request-initiated", cost: 1024, encode: encodeInitiated(e)})
//		}
//	}
//
// Server.New plugs it in: s.addNamespace("/mockttp", newFeed). While nobody is
// connected an event costs the proxy one atomic read.
//
// A publication goes through a ring, as the events of "/" do: 100 ms later at most,
// in order, and who is too slow is told "lagged". It is encoded once, by the first
// client's goroutine that gets there. A client gets all events, from when it has
// connected on, until it emits "subscribe" with {events, filter, since}, all
// optional: the names of those it wants, an expression, and the number of the event
// to begin with. The acknowledgement says which number is next (seq). "unsubscribe"
// leaves it with none.
type namespace struct {
	ring *ring
	feed traffic.Observer
	// known reports whether there are events of that name, and changed is called when
	// what is wanted has changed, under mu; nil for all, and for nothing. A feed sets
	// them when it is made.
	known   func(name string) bool
	changed func()

	// early says that all events are wanted also while there are no clients.
	early bool

	mu      sync.Mutex // guards clients, and is held while what one wants changes
	clients []*eventNames
	// wanted is what clients want together, nil while there are none.
	wanted atomic.Pointer[eventNames]
}

// addNamespace opens a namespace, before the Server observes anything. name begins
// with "/".
func (s *Server) addNamespace(name string, newFeed func(to *namespace) traffic.Observer) {
	n := &namespace{ring: newRing(name, s.opts.most(), s.opts.backlog()), early: s.opts.Early}
	n.feed = newFeed(n)
	n.recount() // nobody has heard of it yet
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

// publication is an event of a namespace on its way to clients.
type publication struct {
	name string
	// encode returns the argument, which is not changed any more. It is called by any
	// goroutine, seldom more than once.
	encode func() encoded
	// release is called when it is needed no more, encoded or not; nil for nothing.
	release func()
	// subject returns what filters look at, by any goroutine and again and again; nil
	// if no filter lets it through.
	subject func() *filter.Subject
	// cost is what it holds in memory, in bytes, about.
	cost int64
}

// publish tells those clients of an event that want it.
func (n *namespace) publish(p publication) {
	n.ring.add(&p)
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
	n.wanted.Store(n.together())
	if n.changed != nil {
		n.changed()
	}
}

// together returns what clients want together, nil without any, under mu.
func (n *namespace) together() *eventNames {
	if len(n.clients) == 0 && !n.early {
		return nil
	}
	together := &eventNames{all: n.early}
	for _, w := range n.clients {
		together.all = together.all || w.all
		together.names = append(together.names, w.names...)
	}
	slices.Sort(together.names)
	together.names = slices.Compact(together.names)
	return together
}

// subscribe answers "subscribe".
func (n *namespace) subscribe(c *client, arg any) (any, error) {
	options, ok := arg.(map[string]any)
	if !ok && arg != nil {
		return nil, errArgument("subscribe", "an object {events, filter, since}")
	}
	names, err := optionalTexts(options, "events")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if n.known != nil && !n.known(name) {
			return nil, fmt.Errorf("there is no event %q", name)
		}
	}
	f, err := parseFilter("subscribe", options["filter"])
	if err != nil {
		return nil, err
	}
	since, err := optionalNumber(options, "since")
	if err != nil {
		return nil, err
	}
	n.change(c, &eventNames{all: names == nil, names: names, filter: f})
	_, next := n.ring.bounds()
	answer := map[string]any{"seq": next}
	if since != nil {
		c.resumeFrom(answer, *since)
	}
	return answer, nil
}

// unsubscribe answers "unsubscribe".
func (n *namespace) unsubscribe(c *client, _ any) (any, error) {
	n.change(c, &eventNames{})
	return nil, nil
}

// change lets a client want something else.
func (n *namespace) change(c *client, to *eventNames) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.sub.mu.Lock()
	defer c.sub.mu.Unlock()
	w := c.sub.wanted.(*eventNames)
	w.all, w.names, w.filter = to.all, to.names, to.filter
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
	// filter restricts them, nil to nothing.
	filter *filter.Filter
}

func (w *eventNames) has(name string) bool { return w.all || slices.Contains(w.names, name) }

// audience implements interest.
func (w *eventNames) audience(*segment) (audience, bool) {
	return controlOnly, w.all && w.filter == nil
}

// pack implements interest.
func (w *eventNames) pack(p *packer, it *item) {
	if !w.has(it.details.published.name) {
		return
	}
	if w.filter == nil || it.details.published.subject != nil && w.filter.Match(it.details.published.subject()) {
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
