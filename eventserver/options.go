package eventserver

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// Options says what a Server has to offer. The zero value publishes to loopback
// clients what it is told, and can control nothing.
type Options struct {
	// SessionID is the id of the session that begins with the Server, "" for a new
	// one, and SessionName its name for people, "" for one made from the id.
	SessionID, SessionName string
	// Access says who may connect.
	Access Access
	// Breakpoints, Rules, Proxy and Frames are what clients may control; what is
	// nil is answered as an error. What is done to rules does not touch the user's
	// files; what others do to them is to be told to Server.RulesChanged.
	Breakpoints Breakpoints
	Rules       *rules.Store
	Proxy       Proxy
	Frames      Frames
	// HAR returns a HAR of what retell tells of, or the error of that; nil is answered
	// as an error. What it returns is closed.
	HAR func(retell func(traffic.Observer) error) (io.ReadCloser, error)
	// Handlers are served beside what the Server has, to those who may connect, by
	// their patterns for an http.ServeMux.
	Handlers map[string]http.Handler
	// Recording has what is not in memory any more; nil if nothing is recorded.
	Recording Recording
	// RingItems and RingBytes bound the events that are kept for subscribers who are
	// slow; 0 means 100,000 and 64 MiB. For those who come late there is what is in the
	// history, about.
	RingItems int
	RingBytes int64
	// HistoryItems and HistoryBytes bound the exchanges, with their content, that are
	// kept in memory when they have ended, for REST; 0 means 10,000 and 64 MiB, with a
	// Recording 2,000 and 8 MiB.
	HistoryItems int
	HistoryBytes int64
	// Early makes the events of namespaces beside "/" also while nobody is connected,
	// so that who comes late can have them with since.
	Early bool
	// DropLagging disconnects a subscriber who fell out of the ring, who is
	// otherwise told how many events that were and goes on.
	DropLagging bool
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// complete fills in what is not set.
func (o *Options) complete() {
	items, bytes := 10_000, int64(64<<20)
	if o.Recording != nil { // the rest is there
		items, bytes = 2_000, 8<<20
	}
	o.HistoryItems = cmp.Or(o.HistoryItems, items)
	o.HistoryBytes = cmp.Or(o.HistoryBytes, bytes)
	o.RingItems = cmp.Or(o.RingItems, 100_000)
	o.RingBytes = cmp.Or(o.RingBytes, 64<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// most bounds what is kept for subscribers who are slow.
func (o *Options) most() bounds { return bounds{o.RingItems, o.RingBytes} }

// backlog bounds what is kept for subscribers who come late. It is cheap as far as
// the history keeps the same exchanges, of which each has two events or more.
func (o *Options) backlog() bounds {
	return bounds{min(o.RingItems, 2*o.HistoryItems), min(o.RingBytes, o.HistoryBytes)}
}

// Breakpoints is what there is held. Its methods may be called concurrently.
type Breakpoints interface {
	// Hits returns what is held now, the oldest first.
	Hits() []*traffic.Hit
	// Resume ends a hit. The error says what is wrong with r, or that there is no
	// such hit, or no more.
	Resume(id traffic.HitID, r traffic.Resume) error
}

// Recording is the recording of what is observed. Its methods may be called
// concurrently. It may lag behind, by less than what is in memory.
type Recording interface {
	// Below returns the highest number below id of an exchange that has ended, or has
	// opened a WebSocket connection, false if there is none.
	Below(id traffic.ExchangeID) (traffic.ExchangeID, bool, error)
	// Exchange returns such an exchange, nil if there is none, and the end of the
	// connection, nil if it has not ended. The caller releases the bodies.
	Exchange(id traffic.ExchangeID) (*traffic.Exchange, *traffic.WSClosed, error)
	// Frames calls fn for the frames of the connection that x has opened, from the one
	// behind the number after on, until it returns false. The frames belong to the
	// callee.
	Frames(x *traffic.Exchange, after uint64, fn func(*traffic.Frame) bool) error
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
