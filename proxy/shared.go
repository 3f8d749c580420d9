package proxy

import (
	"context"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// The names of protocols in ALPN.
const (
	alpn1 = "http/1.1"
	alpn2 = "h2"
)

// settingsTime is how long the first SETTINGS of an origin are waited for before
// something that depends on them is decided without.
const settingsTime = 5 * time.Second

// versions are those of HTTP that may be spoken with an origin.
type versions uint8

const (
	http1   versions = iota // HTTP/1.1 and nothing else
	rather1                 // HTTP/1.1, unless the origin is known to speak only HTTP/2
	either                  // HTTP/2 if the origin chooses it by ALPN
	http2                   // HTTP/2 or nothing, by ALPN
	prior                   // HTTP/2 without being asked (RFC 9113 section 3.3)
)

// has2 reports whether a connection of HTTP/2 will do.
func (v versions) has2() bool { return v > rather1 }

// protocols returns what the origin may choose from.
func (v versions) protocols() []string {
	switch v {
	case either:
		return []string{alpn2, alpn1}
	case http2:
		return []string{alpn2}
	default:
		return []string{alpn1}
	}
}

// versionsFor returns what may be spoken with t for a request. One of HTTP/1 stays
// that if it can: only so it passes as it came.
func (o *origins) versionsFor(req *traffic.Request, t target) versions {
	switch {
	case req.Proto != proto2 && t.secure && !o.d.http1Only:
		return rather1
	case req.Proto != proto2:
		return http1
	case t.secure:
		return either
	case o.d.opts.Upstream != nil && !t.connect:
		return http1 // an upstream proxy may be given the request
	case o.prior && (o.tunnel == nil || t == o.tunnel.target):
		return prior
	}
	return http1
}

// isOnly1 reports whether t is known not to speak HTTP/2.
func (o *origins) isOnly1(t target) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.only1[t]
}

// setOnly1 notes that t does not speak HTTP/2, and lets others use oc, if that is
// not nil, which was opened to find out.
func (o *origins) setOnly1(t target, oc *originConn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.only1 == nil {
		o.only1 = make(map[target]bool)
	}
	o.only1[t] = true
	if oc != nil {
		oc.busy = false
	}
}

// shared returns the connection of HTTP/2 to t, nil for none.
func (o *origins) shared(t target) *originConn {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, oc := range o.conns {
		if oc.target == t && oc.h2 != nil && oc.h2.CanOpen() {
			return oc
		}
	}
	return nil
}

// expectPrior is called when the client speaks HTTP/2 without TLS to its origin,
// who therefore is spoken to in the same way, also on the connection that was
// dialled for it.
func (o *origins) expectPrior() {
	o.prior = true
	if o.tunnel == nil {
		return
	}
	if oc := o.takeIdle(o.tunnel.target, http1); oc != nil {
		o.startPrior(o.ctx, oc)
	}
}

// startPrior speaks HTTP/2 on a connection without having agreed on that. An
// origin that does not understand it is asked in HTTP/1 from now on; after the end
// of ctx nothing is known of it.
func (o *origins) startPrior(ctx context.Context, oc *originConn) {
	o.speakHTTP2(oc)
	settled, cancel := context.WithTimeout(ctx, settingsTime)
	defer cancel()
	if _, err := oc.h2.PeerSettings(settled); err == nil {
		return
	}
	o.drop(oc)
	if ctx.Err() == nil {
		o.setOnly1(oc.target, nil)
	}
}

// speakHTTP2 begins HTTP/2 on a connection, which all exchanges share from now on.
func (o *origins) speakHTTP2(oc *originConn) {
	oc.r.Release()
	conn := h2.Client(oc.conn, h2.Config{StallTimeout: stallTimeout})
	o.mu.Lock()
	oc.h2, oc.r, oc.busy = conn, nil, false
	o.mu.Unlock()
	o.running.Go(func() {
		_ = conn.Run(o.ctx) // streams tell why it has ended
		o.forget(oc)
	})
}

// await waits for what runs on connections, which have been closed.
func (o *origins) await() { o.running.Wait() }

// offersWebSockets reports whether the origin that oc speaks HTTP/2 with takes
// WebSocket connections there (RFC 8441).
func (oc *originConn) offersWebSockets(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settingsTime)
	defer cancel()
	settings, err := oc.h2.PeerSettings(ctx)
	return err == nil && settings.ExtendedConnect
}
