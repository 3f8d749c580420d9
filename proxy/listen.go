package proxy

import (
	"context"
	"fmt"
	"net"
	"slices"
)

// listener is where a Proxy accepts connections.
type listener struct {
	net.Listener
	opts Listener
	p    *Proxy // the variant that serves its connections
}

// Listen opens a listener and returns its address. Connections are accepted
// while Run runs, which may be already. ctx bounds only the call. The error wraps
// net.ErrClosed once the Proxy is stopping.
func (p *Proxy) Listen(ctx context.Context, l Listener) (net.Addr, error) {
	var lc net.ListenConfig
	nl, err := lc.Listen(ctx, "tcp", l.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Addr, err)
	}
	v := p.variant(l)
	if !p.addListener(listener{nl, l, v}) {
		_ = nl.Close() // nobody has connected that was accepted
		return nil, fmt.Errorf("listen on %s: %w", l.Addr, net.ErrClosed)
	}
	p.log.Info("listening", "addr", nl.Addr().String())
	open := len(v.opts.AllowFrom) == 0 && (v.opts.Auth.isZero() || l.Reverse != nil || l.Origin || l.Raw != "")
	if open && !isLoopback(nl.Addr()) {
		p.log.Warn("other machines can reach the proxy, and nobody is asked for a password", "addr", nl.Addr().String())
	}
	return nl.Addr(), nil
}

// addListener notes a listener and accepts its connections if Run runs; false
// means that the proxy is stopping.
func (p *Proxy) addListener(l listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return false
	}
	p.own.addListener(l.Addr())
	p.listeners = append(p.listeners, l)
	if p.start != nil {
		p.start(l)
	}
	return true
}

// Unlisten closes the listener with the address that Listen returned, and those
// connections to its port that are between requests; others end after the current
// one. Run goes on, also without a listener. The error wraps net.ErrClosed if
// there is no such listener.
func (p *Proxy) Unlisten(addr net.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.listeners, func(l listener) bool { return l.Addr().String() == addr.String() })
	if i < 0 {
		return fmt.Errorf("stop listening on %s: %w", addr, net.ErrClosed)
	}
	_ = p.listeners[i].Close() // accept reports what matters
	p.listeners = slices.Delete(p.listeners, i, i+1)
	p.own.remove(addr)
	for c := range p.conns {
		if portOf(c.raw.LocalAddr()) == portOf(addr) {
			c.stop()
		}
	}
	return nil
}

// Avoid lets the Proxy refuse to reach addr, as it does its own listeners:
// something of this process that requests must not get to through the proxy.
func (p *Proxy) Avoid(addr net.Addr) { p.own.add(addr) }

// Relays reports whether the Proxy listens at a port, on whatever address, or has done
// so: a page that a browser has got there was written by whoever answered, and may still
// be open when the listener is closed.
func (p *Proxy) Relays(port int) bool { return p.own.relays(port) }

// startAccepting accepts on all listeners by means of start, and on those that
// come later.
func (p *Proxy) startAccepting(start func(listener)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start = start
	for _, l := range p.listeners {
		start(l)
	}
}

func portOf(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
