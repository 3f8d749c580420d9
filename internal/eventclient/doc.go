// Package eventclient is a Socket.IO client (Engine.IO 4, Socket.IO 5), as small
// as necto needs one: one namespace, over WebSocket only.
//
//	c, err := eventclient.Dial(ctx, "http://127.0.0.1:8889", eventclient.Options{})
//	...
//	defer c.Close()
//	answer, err := c.Call("traffic:subscribe", map[string]any{"since": 0})
//	...
//	for {
//		event, err := c.Next()
//		...
//	}
//
// Whoever uses a Client calls Next again and again, as it is Next that answers
// the server's pings. An Event belongs to the caller.
package eventclient
