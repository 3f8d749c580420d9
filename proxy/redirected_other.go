//go:build !linux

package proxy

import (
	"net"
	"net/netip"
)

// originalTarget is known on Linux alone.
func originalTarget(net.Conn) (netip.AddrPort, bool) { return netip.AddrPort{}, false }
