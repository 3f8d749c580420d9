package proxy

import (
	"testing"
	"time"
)

// Admitted is admitted.
var Admitted = admitted

// SetHeadTimeout changes how long a head may take, until the test ends. It is
// called before a proxy is started.
func SetHeadTimeout(t testing.TB, d time.Duration) {
	before := headTimeout
	headTimeout = d
	t.Cleanup(func() { headTimeout = before })
}

// SetHandshakeTimeout changes how long a client's hello may take, and then the
// handshake, until the test ends. It is called before a proxy is started.
func SetHandshakeTimeout(t testing.TB, d time.Duration) {
	before := handshakeTimeout
	handshakeTimeout = d
	t.Cleanup(func() { handshakeTimeout = before })
}

// SetWSLinger changes how long one side of a WebSocket connection may outlive
// the other, until the test ends. It is called before a proxy is started.
func SetWSLinger(t testing.TB, d time.Duration) {
	before := wsLinger
	wsLinger = d
	t.Cleanup(func() { wsLinger = before })
}

// SetStallTimeout changes how long a peer of HTTP/2 may take no content, until the
// test ends. It is called before a proxy is started.
func SetStallTimeout(t testing.TB, d time.Duration) {
	before := stallTimeout
	stallTimeout = d
	t.Cleanup(func() { stallTimeout = before })
}
