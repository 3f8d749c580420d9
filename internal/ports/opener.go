package ports

import (
	"context"
	"errors"
	"net"
	"net/url"

	"github.com/necto-dev/necto/traffic"
)

// ErrBusy is wrapped by errors of Opener.Open that say that nobody can listen at the
// address, mostly because somebody else does.
var ErrBusy = errors.New("cannot listen")

// ErrRecording is wrapped by errors of Opener.Open that say that a recording cannot be
// read. What else they say is for the log alone: it may be about any file.
var ErrRecording = errors.New("the recording cannot be read")

// Opener opens listeners. Its methods may be called concurrently.
type Opener interface {
	// Open opens a listener. ctx bounds only the call.
	Open(ctx context.Context, r Route) (Listener, error)
}

// Listener is an open listener of a port.
type Listener interface {
	// Reach connects to what is behind the listener, to the upstream proxy via where
	// it is one of KindUpstream, and closes the connection.
	Reach(ctx context.Context, via *url.URL) error
	// Close accepts no more connections and ends those that are between requests.
	Close() error
	// Release frees what connections needed. It is called after Close, when the last
	// one has ended.
	Release()
}

// Route says what a listener is for.
type Route struct {
	// Addr is where to listen, host:port.
	Addr string
	Kind Kind
	// Target is for KindTarget, Replay for KindReplay and Raw for KindRaw; see
	// Binding.
	Target *traffic.URL
	Replay string
	Raw    string
	// Folder is what Replay is relative to, and does not lead out of, unless that is
	// absolute.
	Folder string
	// Upstream returns the upstream proxy to go through, for KindUpstream. It is
	// called by any goroutine, for each connection.
	Upstream func() *url.URL
	// User and Password, Tags and Unrecorded are those of the Binding.
	User, Password string
	Tags           []string
	Unrecorded     bool
	// Accepted is given each connection of a client before it is read, and returns
	// what is to be used in its place.
	Accepted func(net.Conn) net.Conn
	// Dialed is told how each attempt to connect to addr, host:port, has ended that
	// was made for a client. It is called by any goroutine, and returns quickly.
	Dialed func(addr string, err error)
}
