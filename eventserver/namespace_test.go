package eventserver

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// beginnings publishes the numbers of exchanges that begin, with content, and their
// ends.
type beginnings struct {
	to             *namespace
	told, released atomic.Int64
}

func (f *beginnings) Observe(e traffic.Event) {
	f.told.Add(1)
	switch e := e.(type) {
	case traffic.RequestStarted:
		var w jsonWriter
		w.int(`{"id":`, int64(e.ID))
		w.binary(`,"content":`, []byte("content"))
		w.raw("}")
		f.publish("begun", e.Exchange, w.encoded)
	case traffic.ExchangeDone:
		f.publish("ended", e.Exchange, encoded{text: strconv.AppendUint(nil, uint64(e.ID), 10)})
	default:
	}
}

func (f *beginnings) publish(name string, x *traffic.Exchange, args encoded) {
	f.to.publish(publication{
		name: name, cost: 100, encode: func() encoded { return args },
		release: func() { f.released.Add(1) }, subject: func() *filter.Subject { return &filter.Subject{Exchange: x} },
	})
}

// startOther is start with a namespace "/other".
func startOther(t *testing.T, o Options) (*Server, string, *beginnings) {
	s, address := start(t, o)
	var feed *beginnings
	s.addNamespace("/other", func(to *namespace) traffic.Observer {
		feed = &beginnings{to: to}
		return feed
	})
	return s, address, feed
}

// enter connects a client of the namespace.
func enter(t *testing.T, address, namespace string) *peer {
	t.Helper()
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &peer{t, c}
}

func TestNamespaceHasItsOwnEvents(t *testing.T) {
	s, address, _ := startOther(t, Options{})
	p, main := enter(t, address, "/other"), subscribed(t, address, nil)
	s.Observe(traffic.RequestStarted{Exchange: newExchange(1, "http://a.test/")})
	want := map[string]any{"id": 1.0, "content": "binary content"}
	if diff := cmp.Diff(want, p.expect("begun")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	main.expect(eventBatch)
	s.ProxyStopped()
	main.expect(eventProxyStopped)
	s.Observe(traffic.RequestStarted{Exchange: newExchange(2, "http://a.test/")})
	p.expect("begun") // and nothing of "/" before
}

func TestFeedIsToldOnlyWhileThereAreClients(t *testing.T) {
	s, address, feed := startOther(t, Options{})
	event := traffic.RequestStarted{Exchange: newExchange(1, "http://a.test/")}
	s.Observe(event)
	if got := feed.told.Load(); got != 0 {
		t.Errorf("the feed was told %d events with nobody there", got)
	}
	p := enter(t, address, "/other")
	s.Observe(event)
	p.expect("begun")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the client is gone", func() bool { return !s.namespaces[len(s.namespaces)-1].wants("begun") })
	before := feed.told.Load()
	s.Observe(event)
	if got := feed.told.Load(); got != before {
		t.Error("the feed was told with nobody there any more")
	}
}

func TestNamespaceClientsChoose(t *testing.T) {
	s, address, _ := startOther(t, Options{})
	p := enter(t, address, "/other")
	x := newExchange(1, "http://a.test/")
	p.call("subscribe", map[string]any{"events": []string{"ended"}})
	if n := s.namespaces[len(s.namespaces)-1]; n.wants("begun") || !n.wants("ended") {
		t.Error("the namespace wants something else than its client")
	}
	s.Observe(traffic.RequestStarted{Exchange: x})
	s.Observe(traffic.ExchangeDone{Exchange: x})
	p.expect("ended")
	result := p.call("subscribe", map[string]any{"since": 1})
	if diff := cmp.Diff(map[string]any{"seq": 3.0, "since": 1.0, "dropped": 0.0}, result); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.expect("begun")
	p.expect("ended")
	p.call("subscribe", map[string]any{"filter": "host:b.test"})
	s.Observe(traffic.RequestStarted{Exchange: x})
	s.Observe(traffic.ExchangeDone{Exchange: newExchange(2, "http://b.test/")})
	p.expect("ended")
	p.call("unsubscribe", nil)
	if s.namespaces[len(s.namespaces)-1].wants("ended") {
		t.Error("the namespace wants what nobody wants")
	}
	p.refused("subscribe", "begun", "takes an object")
	p.refused("subscribe", map[string]any{"events": "begun"}, "no list")
	p.refused("subscribe", map[string]any{"events": []any{1}}, "else than texts")
	p.refused("subscribe", map[string]any{"since": -1}, "whole number")
	p.refused("subscribe", map[string]any{"filter": "host:"}, "host")
}

func TestPublicationsAreReleased(t *testing.T) {
	s, address, feed := startOther(t, Options{RingItems: 4})
	enter(t, address, "/other")
	const events = 10
	for id := range traffic.ExchangeID(events) {
		s.Observe(traffic.RequestStarted{Exchange: newExchange(id, "http://a.test/")})
	}
	eventually(t, "all but four have left the ring", func() bool { return feed.released.Load() == events-4 })
}

func TestNamespaceAsksForTheToken(t *testing.T) {
	_, address, _ := startOther(t, Options{Access: Access{Token: "secret", RequireToken: true}})
	_, err := eventclient.Dial(t.Context(), address, eventclient.Options{Namespace: "/other"})
	if !errors.Is(err, eventclient.ErrRefused) {
		t.Errorf("without a token: got %v", err)
	}
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{Namespace: "/other", Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
