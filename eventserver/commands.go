package eventserver

import (
	"errors"
	"fmt"
	"math"

	"github.com/necto-dev/necto/internal/filter"
)

// clientEvents are the events of clients of the namespace "/".
var clientEvents = map[string]handler{
	"session:subscribe":   (*client).subscribeSession,
	"session:unsubscribe": (*client).unsubscribeSession,
	"traffic:subscribe":   (*client).subscribeTraffic,
	"traffic:unsubscribe": (*client).unsubscribeTraffic,
	"breakpoint:resume":   (*client).resume,
	"proxy:start":         (*client).startProxy,
	"proxy:stop":          (*client).stopProxy,
}

// errUnavailable says that the run has nothing of the kind.
var errUnavailable = errors.New("not available in this run")

// errTooMany says that a client has maxSubscriptions.
var errTooMany = fmt.Errorf("more than %d subscriptions", maxSubscriptions)

func (c *client) subscribeSession(arg any) (any, error) {
	id, ok := arg.(string)
	if !ok || id == "" {
		return nil, errArgument("session:subscribe", "the id of a session")
	}
	return nil, c.subscribe(&subscription{session: id, whole: true})
}

func (c *client) unsubscribeSession(arg any) (any, error) {
	id, ok := arg.(string)
	if !ok || id == "" {
		return nil, errArgument("session:unsubscribe", "the id of a session")
	}
	c.sub.mu.Lock()
	defer c.sub.mu.Unlock()
	c.subscriptions().remove(id)
	return nil, nil
}

func (c *client) subscribeTraffic(arg any) (any, error) {
	options, ok := arg.(map[string]any)
	if !ok && arg != nil {
		return nil, errArgument("traffic:subscribe", "an object {sessionId, filter, since}")
	}
	s := new(subscription)
	var err error
	if s.session, err = optionalText(options, "sessionId"); err != nil {
		return nil, err
	}
	if s.filter, err = parseFilter("traffic:subscribe", options["filter"]); err != nil {
		return nil, err
	}
	since, err := optionalNumber(options, "since")
	if err != nil {
		return nil, err
	}
	if err := c.subscribe(s); err != nil {
		return nil, err
	}
	c.server.catchUp()
	_, next := c.server.ring.bounds()
	answer := map[string]any{"seq": next, "sessionId": c.server.activeSession()}
	if since != nil {
		c.resumeFrom(answer, *since)
	}
	return answer, nil
}

// resumeFrom lets the client have again what there is from a number on, behind the
// acknowledgement, to which it adds where that is and how many events before it are
// lost.
func (c *client) resumeFrom(answer map[string]any, since uint64) {
	since = max(since, 1)
	from := c.sub.ring.back(c.sub, since)
	answer["since"], answer["dropped"] = from, from-min(from, since)
	if c.server.opts.Recording != nil && c.sub.ring == c.server.ring {
		answer["since"], answer["dropped"] = min(from, since), 0
	}
	c.sub.rewind(since, from)
	c.later = c.sub.goOn
}

// subscribe adds a subscription.
func (c *client) subscribe(s *subscription) error {
	c.sub.mu.Lock()
	defer c.sub.mu.Unlock()
	if !c.subscriptions().add(s) {
		return errTooMany
	}
	return nil
}

func (c *client) unsubscribeTraffic(any) (any, error) {
	c.sub.mu.Lock()
	defer c.sub.mu.Unlock()
	*c.subscriptions() = nil
	return nil, nil
}

// parseFilter reads the filter of a subscription, an expression. NectoProxy's
// clients may send an object in its place; one without members filters nothing.
func parseFilter(event string, v any) (*filter.Filter, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
		return filter.Parse(v)
	case map[string]any:
		if len(v) == 0 {
			return nil, nil
		}
	}
	return nil, errArgument(event, "a filter expression as text")
}

func optionalText(options map[string]any, name string) (string, error) {
	switch v := options[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("%s is no text", name)
}

// optionalNumber returns a whole number that is not negative, nil for none.
func optionalNumber(options map[string]any, name string) (*uint64, error) {
	v, ok := options[name]
	if !ok || v == nil {
		return nil, nil
	}
	f, ok := v.(float64)
	if !ok || f < 0 || f != math.Trunc(f) || f > 1<<53 {
		return nil, fmt.Errorf("%s is no whole number", name)
	}
	n := uint64(f)
	return &n, nil
}

func (c *client) startProxy(arg any) (any, error) {
	if c.server.opts.Proxy == nil {
		return nil, errUnavailable
	}
	options, ok := arg.(map[string]any)
	if !ok && arg != nil {
		return nil, errArgument("proxy:start", "an object {port}")
	}
	port, err := optionalNumber(options, "port")
	if err != nil {
		return nil, err
	}
	if port == nil {
		port = new(uint64)
	}
	if *port > math.MaxUint16 {
		return nil, errors.New("port is more than 65535")
	}
	return nil, c.server.opts.Proxy.Start(int(*port)) //nolint:gosec // checked above
}

func (c *client) stopProxy(any) (any, error) {
	if c.server.opts.Proxy == nil {
		return nil, errUnavailable
	}
	return nil, c.server.opts.Proxy.Stop()
}
