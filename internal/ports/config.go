package ports

import (
	"net/url"
	"slices"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Config is what a ports file says: the ports of a pool, and what they are to lead
// to.
type Config struct {
	Range Range
	Probe Probe
	// Debug tells what the pool does as log events.
	Debug bool
	// Bindings are in the order of the file, one for each Port at most.
	Bindings []Binding
	// Candidates are in the order of the file, in which they are taken.
	Candidates []Candidate
	// Folder is that of the file, absolute. Clients may name the recordings in it; ""
	// is for none.
	Folder string
}

// Probe says how it is found out whether ports are online.
type Probe struct {
	// Interval is how often what is behind a port is probed while it is online, and
	// Retry while it is offline.
	Interval, Retry time.Duration
	// Timeout is how long a probe may take.
	Timeout time.Duration
	// Failures is how many attempts of clients in a row have to fail before a port
	// is offline.
	Failures int
}

// defaultProbe is what a ports file begins with.
var defaultProbe = Probe{Interval: 10 * time.Second, Retry: time.Second, Timeout: 2 * time.Second, Failures: 2}

// Kind says what a port leads to.
type Kind string

// The kinds.
const (
	KindTarget   Kind = "target"   // an origin
	KindUpstream Kind = "upstream" // any origin, through an upstream proxy
	KindReplay   Kind = "replay"   // a recording
	KindRaw      Kind = "raw"      // a server of any protocol
)

// Binding says what a port is to lead to. One of Target, Upstream, Replay, Raw and
// Labels is set.
type Binding struct {
	// Port is the port it is for, 0 where another one is meant.
	Port int
	// Target is the origin that requests are sent to.
	Target *traffic.URL
	// Upstream is the proxy that clients reach any origin through. Its URL has a
	// port, and may have user and password.
	Upstream *url.URL
	// Replay is the path of a recording that answers. One that a client has named is
	// relative to Config.Folder, and does not lead out of it.
	Replay string
	// Raw is the host:port that bytes are passed to.
	Raw string
	// Labels choose an upstream proxy among the candidates; not nil, but empty, is
	// any of them.
	Labels Labels
	// Refresh takes another candidate when a port has gone offline.
	Refresh Refresh
	// Rotation takes another candidate at this interval; 0 never does.
	Rotation time.Duration
	// User and Password are asked for of clients; "" asks nobody.
	User, Password string
	// Tags are given to everything that passes.
	Tags []string
	// Unrecorded keeps it out of recordings.
	Unrecorded bool
}

// Kind returns what the binding leads to.
func (b *Binding) Kind() Kind {
	switch {
	case b.Target != nil:
		return KindTarget
	case b.Replay != "":
		return KindReplay
	case b.Raw != "":
		return KindRaw
	default:
		return KindUpstream
	}
}

// Refresh says when a candidate is replaced that cannot be reached any more. The
// zero value is never.
type Refresh struct {
	Enabled bool
	// Max is how often that is done for one port, 0 for any number of times.
	Max int
	// Interval is the least time between two of them.
	Interval time.Duration
}

// Labels ask for candidates: of each name there is to be one of the values.
type Labels map[string][]string

// match reports whether a candidate has the labels.
func (l Labels) match(c *Candidate) bool {
	for name, values := range l {
		if !slices.Contains(values, c.Labels[name]) {
			return false
		}
	}
	return true
}

// Candidate is an upstream proxy that ports can be led through.
type Candidate struct {
	ID       string
	Upstream *url.URL
	// Labels say what is known about it, as country, city and public_ip.
	Labels map[string]string
}
