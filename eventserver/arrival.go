package eventserver

import (
	"sync"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

// arrival is a client that was let in, until it is connected.
type arrival struct {
	// sub begins with what is published from when the client was let in: it may have
	// read that it is connected before the library says so here.
	sub *subscriber
	// release lets the packets through that came meanwhile.
	release func()
}

// arrive notes a client that was let in to subscribe to a ring. The library lets it
// know that it is connected, and only then gets ready for its packets: one that
// came in between would end the connection. So they are held.
func (s *Server) arrive(sock *socket.Socket, r *ring, wanted interest) {
	conn, ready := sock.Conn(), make(chan struct{})
	// It is called on the goroutine that reads from the client, before the library
	// looks at the packet.
	hold := func(...any) { <-ready }
	sub := newSubscriber(s, r, sock, wanted)
	var release func()
	gone := func(...any) { // one that leaves at once never gets connected
		sub.leave()
		release()
	}
	release = sync.OnceFunc(func() {
		conn.RemoveListener("packet", hold)
		conn.RemoveListener("close", gone)
		close(ready)
	})
	_ = conn.On("packet", hold)
	_ = conn.On("close", gone)
	sock.SetData(&arrival{sub: sub, release: release})
}
