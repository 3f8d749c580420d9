package eventserver

import (
	"encoding/json"
	"log/slog"

	"github.com/necto-dev/necto/traffic"
)

// Options says what a Server has to offer. The zero value publishes to loopback
// clients what it is told, and can control nothing.
type Options struct {
	// Session is the one that begins with the Server.
	Session Session
	// Access says who may connect.
	Access Access
	// Breakpoints, Rules, Proxy and Frames are what clients may control; what is
	// nil is answered as an error.
	Breakpoints Breakpoints
	Rules       Rules
	Proxy       Proxy
	Frames      Frames
	// RingItems and RingBytes bound the events that are kept for subscribers who
	// are slow or late; 0 means 20,000 and 64 MiB.
	RingItems int
	RingBytes int64
	// DropLagging disconnects a subscriber who fell out of the ring, who is
	// otherwise told how many events that were and goes on.
	DropLagging bool
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// Session is a run, or a part of one that its user told apart.
type Session struct {
	// ID is unique, a ULID; "" for a new one. Name is for people.
	ID, Name string
}

// Breakpoints is what there is held. Its methods may be called concurrently.
type Breakpoints interface {
	// Hits returns what is held now, the oldest first.
	Hits() []*traffic.Hit
	// Resume ends a hit. The error says what is wrong with r, or that there is no
	// such hit, or no more.
	Resume(id traffic.HitID, r traffic.Resume) error
}

// Rules are those of the run. What is done to them here does not touch the
// user's files. Methods may be called concurrently.
type Rules interface {
	// List returns all rules in their order.
	List() []Rule
	// Enable turns a rule on or off, Reorder puts rules in the order of names;
	// those that are not named keep their order behind them.
	Enable(name string, on bool) (Rule, error)
	Reorder(names []string) ([]Rule, error)
}

// Rule is a rule as clients see it.
type Rule struct {
	// Name is unique.
	Name    string
	Enabled bool
	// Priority is its place, from 0.
	Priority int
	// Action is the key of its action in the rules file, Match and Config are its
	// matcher and its action as JSON.
	Action        string
	Match, Config json.RawMessage
	// Changed is when it was read, in ms since 1970.
	Changed int64
}

// Proxy is the proxy that the events come from. Its methods may be called
// concurrently.
type Proxy interface {
	// Start begins to accept connections, on port if that is not 0; Stop ends it.
	Start(port int) error
	Stop() error
	// Port is where it accepts connections, 0 if it does not.
	Port() int
}

// Frames sends on WebSocket connections that are open.
type Frames interface {
	// Inject sends a frame on the connection that the exchange opened.
	Inject(id traffic.ExchangeID, i traffic.Injection) error
}
