// Package nectest has what necto's tests share: origins with a known
// behaviour, raw sockets that say exactly the bytes a test wants to see, and an
// observer that keeps what it was told. Everything listens on the loopback
// interface on a free port, is closed when the test ends, and gives up after
// ten seconds rather than hanging.
//
//	origin := nectest.NewOrigin(t)
//	conn := nectest.Dial(t, proxyAddr)
//	conn.Send("GET " + origin.URL + "/json HTTP/1.1\r\nHost: x\r\n\r\n")
//	head := conn.ReadUntil("\r\n\r\n")
package nectest

import "time"

// patience is how long a helper waits for something that is about to happen.
const patience = 10 * time.Second
