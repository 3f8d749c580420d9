//go:build !race

package proxy_test

// maxConnections is how many connections a test opens at once.
const maxConnections = 10_000

const raceEnabled = false
