package peeruser

import (
	"net"
	"net/netip"
	"os"
)

// root may do all that this user may.
const root = 0

// IsOther reports whether the client of a connection of TCP that was accepted is
// another user of this machine, root excepted. It is also true if the client has left
// already: whose it was is not known any more, and what it has sent may be still to be
// read. It is false if the client is on another machine or in a network namespace of
// its own, and if the kernel does not tell.
func IsOther(conn net.Conn) bool {
	local, ok1 := conn.LocalAddr().(*net.TCPAddr)
	remote, ok2 := conn.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return false
	}
	here, there := plain(local), plain(remote)
	client, err := socketOf(there, here)
	switch {
	case err != nil:
		return false
	case client.found:
		return client.inode == 0 || client.uid != root && client.uid != uint32(os.Geteuid())
	}
	// It has no socket here. If it has left our end of the connection knows.
	server, err := socketOf(here, there)
	return err == nil && (!server.found || server.state != stateEstablished)
}

// plain returns an address as the kernel keeps it.
func plain(addr *net.TCPAddr) netip.AddrPort {
	ap := addr.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
