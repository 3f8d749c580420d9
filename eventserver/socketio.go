package eventserver

import (
	"fmt"
	"time"

	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// The settings of the library. The pong may be late by more than a ping takes,
// else its timers drop connections that are alive.
const (
	pingInterval   = 20 * time.Second
	pingTimeout    = 30 * time.Second
	connectTimeout = 10 * time.Second
	// maxMessage is for breakpoint:resume with a large body, in bytes.
	maxMessage = 64 << 20
)

// socketPath is where the library is.
const socketPath = "/socket.io/"

// newSocketIO sets the library up.
func newSocketIO() *socket.Server {
	o := socket.DefaultServerOptions()
	o.SetPingInterval(pingInterval)
	o.SetPingTimeout(pingTimeout)
	o.SetConnectTimeout(connectTimeout)
	o.SetMaxHttpBufferSize(maxMessage)
	o.SetTransports(types.NewSet[transports.TransportCtor](&pollingBuilder{}, &socketBuilder{}))
	io := socket.NewServer(nil, o)
	return io
}

// handler handles an event of a client. It gets the first argument, nil if there is
// none, and returns what is acknowledged.
type handler func(c *client, arg any) (any, error)

// host lets clients into a namespace, who want what newInterest says of a ring.
func (s *Server) host(name string, r *ring, newInterest func() interest, events map[string]handler) {
	namespace := s.io.Of(name, nil)
	namespace.Use(s.admit)
	namespace.Use(func(sock *socket.Socket, next func(*socket.ExtendedError)) {
		s.arrive(sock, r, newInterest())
		next(nil)
	})
	_ = namespace.On("connection", func(args ...any) {
		if sock, ok := args[0].(*socket.Socket); ok {
			s.connected(sock, events)
		}
	})
}

// connected serves a client of a namespace.
func (s *Server) connected(sock *socket.Socket, events map[string]handler) {
	a, ok := sock.Data().(*arrival)
	if !ok {
		return // the library calls arrive before
	}
	defer a.release()
	sock.SetData(nil)
	*sock.Handshake() = socket.Handshake{} // admit was the last to look at it
	c := &client{server: s, sub: a.sub, events: events}
	_ = sock.On("disconnect", func(...any) { c.sub.leave() })
	sock.OnAny(c.receive) // listening to each event would take much memory
	if !s.serve(c.sub) {
		sock.Disconnect(false)
		return
	}
	if !sock.Connected() { // it left before anybody listened
		c.sub.leave()
	}
}

// client is a connected client with what it may do.
type client struct {
	server *Server
	sub    *subscriber
	events map[string]handler
	// later is what a handler wants to happen behind the acknowledgement, nil for
	// nothing.
	later func()
}

// subscriptions returns those of a client of the namespace "/", under sub.mu.
func (c *client) subscriptions() *subscriptions { return c.sub.wanted.(*subscriptions) }

// receive handles an event: its name and arguments. One that has no handler is
// ignored.
func (c *client) receive(event ...any) {
	if len(event) == 0 || !c.sub.socket.Connected() {
		return
	}
	name, _ := event[0].(string)
	if fn := c.events[name]; fn != nil {
		c.handle(name, fn, event[1:])
	}
}

// handle calls the handler of an event. Whatever comes, the answer is an
// acknowledgement if the client asked for one, or an event "error".
func (c *client) handle(name string, fn handler, args []any) {
	var ack socket.Ack
	if n := len(args); n > 0 {
		if a, ok := args[n-1].(socket.Ack); ok {
			ack, args = a, args[:n-1]
		}
	}
	var arg any
	if len(args) > 0 {
		arg = args[0]
	}
	result, err := fn(c, arg)
	c.acknowledge(name, ack, result, err)
	if later := c.later; later != nil {
		c.later = nil
		later()
	}
}

// acknowledge answers an event of which there is a result or an error.
func (c *client) acknowledge(name string, ack socket.Ack, result any, err error) {
	switch {
	case err != nil && ack != nil:
		ack([]any{map[string]any{"ok": false, "error": err.Error()}}, nil)
	case err != nil:
		_ = c.sub.socket.Emit("error", map[string]any{"event": name, "error": err.Error()})
	case ack != nil:
		answer := map[string]any{"ok": true}
		if result != nil {
			answer["result"] = result
		}
		ack([]any{answer}, nil)
	}
}

// errArgument says that an argument is not what an event takes.
func errArgument(event, want string) error { return fmt.Errorf("%s takes %s", event, want) }
