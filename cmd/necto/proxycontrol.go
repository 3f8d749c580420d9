package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/necto-dev/necto/proxy"
)

// proxyControl lets clients of the event server stop the proxy and start it again,
// which is to say its listener: what it has counted and what rules are in force
// stays. It implements eventserver.Proxy.
type proxyControl struct {
	proxy  *proxy.Proxy
	events *publisher
	host   string

	mu       sync.Mutex     // guards the fields below; held while listeners change
	listener proxy.Listener // what to open again
	addr     net.Addr       // nil while it is stopped
}

// newProxyControl returns the control of a proxy that listens at addr.
func newProxyControl(p *proxy.Proxy, l proxy.Listener, addr net.Addr) *proxyControl {
	host, _, err := net.SplitHostPort(l.Addr)
	if err != nil {
		host = l.Addr // the proxy has taken it
	}
	return &proxyControl{proxy: p, host: host, listener: l, addr: addr}
}

// Start opens the listener on port, or on the one it had if port is 0. It moves
// one that is open.
func (c *proxyControl) Start(port int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addr != nil && (port == 0 || port == tcpPort(c.addr)) {
		return nil
	}
	l := c.listener
	if port != 0 {
		l.Addr = net.JoinHostPort(c.host, strconv.Itoa(port))
	}
	addr, err := c.proxy.Listen(context.Background(), l)
	if err != nil {
		c.events.ProxyFailed(err.Error())
		return err
	}
	old := c.addr
	c.addr, c.listener = addr, l
	c.listener.Addr = addr.String() // a free port stays the same from now on
	if old != nil {
		err = c.proxy.Unlisten(old)
	}
	c.events.ProxyStarted(tcpPort(addr), c.events.port())
	return err
}

// Stop closes the listener.
func (c *proxyControl) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addr == nil {
		return nil
	}
	err := c.proxy.Unlisten(c.addr)
	if errors.Is(err, net.ErrClosed) {
		err = nil // the run is over
	}
	c.listener.Addr, c.addr = c.addr.String(), nil
	c.events.ProxyStopped()
	return err
}

// Port returns where the listener is, 0 if it is closed.
func (c *proxyControl) Port() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addr == nil {
		return 0
	}
	return tcpPort(c.addr)
}

func tcpPort(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
