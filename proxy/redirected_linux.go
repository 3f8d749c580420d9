package proxy

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST of <linux/netfilter_ipv4.h>, and what is called
// IP6T_SO_ORIGINAL_DST for IPv6.
const soOriginalDst = 80

// originalTarget returns the address that a connection was for before netfilter has
// led it to conn.
func originalTarget(conn net.Conn) (netip.AddrPort, bool) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return netip.AddrPort{}, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, false
	}
	peer, _ := plainAddr(conn.RemoteAddr())
	var target netip.AddrPort
	failed := raw.Control(func(fd uintptr) {
		if peer.Addr().Is4() {
			target, err = originalTarget4(int(fd))
		} else {
			target, err = originalTarget6(int(fd))
		}
	})
	return target, failed == nil && err == nil
}

// originalTarget4 reads a sockaddr_in by means of a call for another option whose
// value is as long or longer.
func originalTarget4(fd int) (netip.AddrPort, error) {
	value, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	sockaddr := value.Multiaddr // family, port, address
	port := binary.BigEndian.Uint16(sockaddr[2:])
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(sockaddr[4:8])), port), nil
}

// originalTarget6 reads a sockaddr_in6, which the value of another option begins with.
func originalTarget6(fd int) (netip.AddrPort, error) {
	value, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port := value.Addr.Port // in network byte order
	return netip.AddrPortFrom(netip.AddrFrom16(value.Addr.Addr), binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))), nil
}
