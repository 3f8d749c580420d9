package main

import (
	"cmp"
	"slices"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// shownHandshakes is how many hosts the user is told of.
const shownHandshakes = 20

// handshakeNotes is a traffic.Observer that tells the user of clients that end
// the TLS handshake, once for each host: a client that does not trust necto asks
// for nothing, and so nothing else shows it. It may be used concurrently.
type handshakeNotes struct {
	status *status

	mu    sync.Mutex
	hosts []string // told of; guarded by mu
}

// Observe looks at traffic.TLSFailed.
func (n *handshakeNotes) Observe(e traffic.Event) {
	failed, ok := e.(traffic.TLSFailed)
	if !ok {
		return
	}
	if host := cmp.Or(failed.SNI, "an unnamed host"); n.isNew(host) {
		n.status.note("TLS for %s failed (%s): does the client trust necto? See `necto env` and `necto ca install`",
			host, failed.Failure)
	}
}

func (n *handshakeNotes) isNew(host string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hosts) == shownHandshakes || slices.Contains(n.hosts, host) {
		return false
	}
	n.hosts = append(n.hosts, host)
	return true
}
