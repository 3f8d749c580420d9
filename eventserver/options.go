package eventserver

import (
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
	// HAR returns a HAR of what retell tells of; nil is answered as an error. What
	// it returns is closed.
	HAR func(retell func(traffic.Observer)) (io.ReadCloser, error)
	// Handlers are served beside what the Server has, to those who may connect, by
	// their patterns for an http.ServeMux.
	Handlers map[string]http.Handler
	// RingItems and RingBytes bound the events that are kept for subscribers who are
	// slow; 0 means 100,000 and 64 MiB. For those who come late there is what is in the
	// history, about.
	RingItems int
	RingBytes int64
	// HistoryItems and HistoryBytes bound the exchanges, with their content, that
	// REST can look back on; 0 means 10,000 and 64 MiB.
	HistoryItems int
	HistoryBytes int64
	// DropLagging disconnects a subscriber who fell out of the ring, who is
	// otherwise told how many events that were and goes on.
	DropLagging bool
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
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
