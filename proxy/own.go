package proxy

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// errLoop refuses to dial a listener of our own: the request would come back
// for ever.
var errLoop = errors.New("the target is necto itself")

// ownAddresses are the addresses this process listens on.
type ownAddresses struct {
	mu    sync.RWMutex // guards the fields below
	addrs []netip.AddrPort
	// relayed are the ports of the Proxy's listeners, closed ones included.
	relayed map[int]struct{}
}

// add notes the address of something that is not to be reached.
func (o *ownAddresses) add(addr net.Addr) {
	ap, ok := plainAddr(addr)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addrs = append(o.addrs, ap)
}

// addListener notes the address of a listener of the Proxy.
func (o *ownAddresses) addListener(addr net.Addr) {
	o.add(addr)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.relayed == nil {
		o.relayed = make(map[int]struct{})
	}
	o.relayed[portOf(addr)] = struct{}{}
}

// relays reports whether addListener was given an address with that port.
func (o *ownAddresses) relays(port int) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	_, is := o.relayed[port]
	return is
}

// hasPort reports whether one of the addresses has a port.
func (o *ownAddresses) hasPort(port string) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.ContainsFunc(o.addrs, func(own netip.AddrPort) bool { return strconv.Itoa(int(own.Port())) == port })
}

func (o *ownAddresses) remove(addr net.Addr) {
	ap, _ := plainAddr(addr)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addrs = slices.DeleteFunc(o.addrs, func(own netip.AddrPort) bool { return own == ap })
}

// plainAddr returns an address of TCP in the form that addresses are compared in.
func plainAddr(addr net.Addr) (netip.AddrPort, bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), true
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
