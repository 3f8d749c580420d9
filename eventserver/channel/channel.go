package channel

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/loopback"
	"github.com/necto-dev/necto/internal/ports"
)

// kept is how many events are in memory for clients that ask for those before.
const kept = 1000

// Options says what a Channel is. The zero value lets nobody in.
type Options struct {
	// Token lets its bearer in; "" lets nobody.
	Token string
	// Relays reports whether necto answers, or has answered, at a port of this machine
	// with what others have written: a page from there is of another site. nil is no
	// port. It may be called concurrently.
	Relays func(port int) bool
}

// Channel sends events to clients. It is an http.Handler for all that comes to its
// address. Create it with New. Its methods may be called concurrently.
type Channel struct {
	opts     Options
	upgrader websocket.Upgrader
	running  sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	seq     uint64     // of the last event
	events  []event    // the last ones, kept at most
	clients []*client  // in the order in which they came
	// untold are those that the next client is told of, whoever that is.
	untold []event
	closed bool
}

// New returns a Channel without clients.
func New(o Options) *Channel {
	c := &Channel{opts: o}
	c.upgrader = websocket.Upgrader{
		HandshakeTimeout: writeTime,
		CheckOrigin:      func(*http.Request) bool { return true }, // ServeHTTP has looked
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			http.Error(w, reason.Error(), status)
		},
	}
	return c
}

// Publish sends an event to clients. It does not wait for them.
func (c *Channel) Publish(e ports.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	one := event{seq: c.seq, time: time.Now(), message: message{e.Type, e.Payload}}
	if len(c.events) == kept {
		c.events = append(c.events[:0:0], c.events[kept/2:]...)
	}
	c.events = append(c.events, one)
	if e.Type == ports.HTTPError && len(c.clients) == 0 {
		c.untold = append(c.untold, one)
	}
	for _, cl := range c.clients {
		cl.add(one)
	}
}

// ServeHTTP lets a client in that asks for /ws/{token}. Others get 404, 401 with a
// wrong token, and 403 if a web page sends them that is not of this machine.
func (c *Channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, is := strings.CutPrefix(r.URL.Path, "/ws/")
	switch {
	case !is:
		http.NotFound(w, r)
		return
	case !loopback.IsPage(r.Header.Get("Origin"), c.opts.Relays):
		http.Error(w, "Origin is not of this machine", http.StatusForbidden)
		return
	case !c.isToken(token):
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	wish, err := wishOf(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	cl := newClient(wish)
	if !c.enter(cl) {
		http.Error(w, "the channel is closed", http.StatusServiceUnavailable)
		return
	}
	conn, err := c.upgrader.Upgrade(w, r, nil)
	if err != nil { // the client was told
		c.leave(cl)
		return
	}
	if !c.begin(cl, conn) {
		_ = conn.Close() // the client has not been promised anything
	}
}

// enter notes a client, so that it misses nothing from before it is told that it is
// connected. It reports false if the Channel is closed.
func (c *Channel) enter(cl *client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	for _, e := range c.missed(cl) {
		cl.add(e)
	}
	c.clients = append(c.clients, cl)
	return true
}

// begin serves a client that has entered, in the place of the one before. It reports
// false if the Channel is closed.
func (c *Channel) begin(cl *client, conn *websocket.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if !cl.wish.broadcast {
		for _, other := range c.clients {
			if other.conn != nil && !other.wish.broadcast {
				other.end(closeSuperseded, "superseded")
			}
		}
	}
	cl.conn = conn
	c.untold = nil
	c.running.Go(func() {
		cl.run()
		c.leave(cl)
	})
	return true
}

// missed returns the events that a client is to begin with. c.mu is held.
func (c *Channel) missed(cl *client) []event {
	if !cl.wish.numbered {
		return c.untold
	}
	var missed []event
	for _, e := range c.events {
		if e.seq >= cl.wish.since {
			missed = append(missed, e)
		}
	}
	return missed
}

// leave forgets a client.
func (c *Channel) leave(cl *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = slices.DeleteFunc(c.clients, func(other *client) bool { return other == cl })
}

// Close tells clients that it is over, and returns when their connections have ended.
func (c *Channel) Close() {
	c.mu.Lock()
	c.closed = true
	for _, cl := range c.clients {
		cl.end(websocket.CloseGoingAway, "")
	}
	c.mu.Unlock()
	c.running.Wait()
}
