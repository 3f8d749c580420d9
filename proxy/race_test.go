//go:build race

package proxy_test

// maxConnections keeps below the 8128 goroutines that the race detector allows,
// of which a connection takes two.
const maxConnections = 3_000

const raceEnabled = true
