// Package h2 is an HTTP/2 engine (RFC 9113) for a proxy that must not change
// what it watches, in both roles and on any net.Conn. Heads are ordered
// [traffic.Fields], pseudo-fields apart; content streams under flow control that
// follows whoever reads it; the codes of RST_STREAM and GOAWAY are shown as they
// came and sent as they are given.
//
// A server gets its streams in a handler:
//
//	conn := h2.Server(netConn, h2.Config{}, func(s *h2.Stream) {
//		_ = s.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "server", Value: "necto"}}))
//		_, _ = s.WriteLast([]byte("hello"))
//	})
//	err := conn.Run(ctx)
//
// A client opens them:
//
//	conn := h2.Client(netConn, h2.Config{})
//	go conn.Run(ctx)
//	s, err := conn.Open(ctx, h2.RequestHead("GET", "https", "example.com", "/", nil).Ended())
//	head, err := s.ReadHead(ctx)
//	_, err = io.Copy(w, s)
//	err = s.Close()
//
// # Order
//
// What one goroutine writes to a stream arrives in that order. Among streams
// there is no order, but each has its turn: no stream waits for another one's
// content.
//
// # Flow control and memory
//
// A peer may send what fits in a stream's window, and gets new credit only for
// what Stream.Read has returned: a slow reader slows its sender, and a stream
// never keeps more than its window. The window of the connection is given back
// as bytes arrive, so that a stream nobody reads does not stop the others, until
// Config.MaxBuffered bytes lie unread; from there on it follows the readers too.
// What is written waits in one buffer for the connection: Stream.Write blocks
// while that is full, or while the peer's windows are.
//
// # Goroutines
//
// A Conn has two while Run runs, the caller's, which reads, and one that writes;
// a server has one more for each stream. All have ended when Run returns.
package h2
