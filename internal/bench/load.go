//go:build linux

package main

import (
	"context"
	"time"
)

// connections is how many connections every load but the bulk one holds open,
// each with one request or message under way at a time.
const connections = 32

// ioLimit is how long one read may wait before the run is given up.
const ioLimit = 20 * time.Second

// A load is something to ask of a server.
type load interface {
	// open connects to the server at addr.
	open(ctx context.Context, addr string) (session, error)
}

// A session is a load under way. Its methods are called in turn, never at
// the same time.
type session interface {
	// run starts operations for d, waits for every answer it is owed and
	// checks each of them; any wrong answer is an error. A load whose
	// operations are longer than d does one.
	run(ctx context.Context, d time.Duration) (tally, error)
	// close gives up the connections.
	close()
}
