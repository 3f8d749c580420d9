package proxy

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// errLoop refuses to dial a listener of our own: the request would come back
// for ever.
var errLoop = errors.New("the target is necto itself")

// ownAddresses are the addresses this process listens on.
type ownAddresses struct {
	mu    sync.RWMutex // guards addrs
	addrs []netip.AddrPort
}

func (o *ownAddresses) add(addr net.Addr) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ap := tcp.AddrPort()
	o.addrs = append(o.addrs, netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()))
}

// control is a net.Dialer's: it sees each address after name resolution.
func (o *ownAddresses) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil
	}
	ip := target.Addr().Unmap().WithZone("")
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, own := range o.addrs {
		if own.Port() == target.Port() && (own.Addr() == ip || own.Addr().IsUnspecified() && isLocal(ip)) ||
			own.Port() == target.Port() && ip.IsUnspecified() {
			return errLoop
		}
	}
	return nil
}

// isLocal reports whether ip is an address of this machine.
func isLocal(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, addr := range addrs {
		if prefix, err := netip.ParsePrefix(addr.String()); err == nil && prefix.Addr().WithZone("") == ip {
			return true
		}
	}
	return false
}
