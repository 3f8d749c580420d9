package peeruser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The states of a socket that matter here (include/net/tcp_states.h).
const (
	stateEstablished = 1
	stateListening   = 10
)

// socketID is struct inet_diag_sockid of linux/inet_diag.h.
type socketID struct {
	LocalPort, RemotePort [2]byte // big-endian
	Local, Remote         [16]byte
	Interface             uint32
	Cookie                [2]uint32
}

// anyCookie is INET_DIAG_NOCOOKIE.
var anyCookie = [2]uint32{^uint32(0), ^uint32(0)}

// diagRequest is struct inet_diag_req_v2 behind its netlink header.
type diagRequest struct {
	Header   unix.NlMsghdr
	Family   uint8
	Protocol uint8
	_        [2]uint8
	States   uint32
	ID       socketID
}

// diagAnswer is struct inet_diag_msg.
type diagAnswer struct {
	Family, State uint8
	_             [2]uint8
	ID            socketID
	_             [3]uint32
	UID, Inode    uint32
}

// socketInfo is what there is to know about a socket.
type socketInfo struct {
	found bool
	state uint8
	// uid is the user that made it. It says nothing if inode is 0: no process has the
	// socket any more.
	uid, inode uint32
}

// socketOf returns the socket of TCP of this network namespace that is connected from
// local to remote.
func socketOf(local, remote netip.AddrPort) (socketInfo, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return socketInfo{}, fmt.Errorf("ask for a socket: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is written
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return socketInfo{}, fmt.Errorf("ask for a socket: %w", err)
	}
	if err := unix.Sendto(fd, requestFor(local, remote), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return socketInfo{}, fmt.Errorf("ask for a socket: %w", err)
	}
	var answer [512]byte
	n, _, err := unix.Recvfrom(fd, answer[:], 0)
	if err != nil {
		return socketInfo{}, fmt.Errorf("ask for a socket: %w", err)
	}
	return parseAnswer(answer[:n])
}

// requestFor returns the request for the socket with these addresses.
func requestFor(local, remote netip.AddrPort) []byte {
	r := diagRequest{Family: unix.AF_INET, Protocol: unix.IPPROTO_TCP, States: ^uint32(0)}
	r.Header = unix.NlMsghdr{Len: uint32(binary.Size(r)), Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST}
	r.ID.Cookie = anyCookie
	if local.Addr().Is6() {
		r.Family = unix.AF_INET6
	}
	copy(r.ID.Local[:], local.Addr().AsSlice())
	copy(r.ID.Remote[:], remote.Addr().AsSlice())
	binary.BigEndian.PutUint16(r.ID.LocalPort[:], local.Port())
	binary.BigEndian.PutUint16(r.ID.RemotePort[:], remote.Port())
	text, _ := binary.Append(nil, binary.NativeEndian, r) // of fixed size
	return text
}

var errAnswer = errors.New("ask for a socket: not an answer of the kernel")

// parseAnswer reads an answer. The kernel answers with a socket that listens on the
// local address where none is connected: that is none.
func parseAnswer(text []byte) (socketInfo, error) {
	var header unix.NlMsghdr
	n, err := binary.Decode(text, binary.NativeEndian, &header)
	if err != nil {
		return socketInfo{}, errAnswer
	}
	switch header.Type {
	case unix.NLMSG_ERROR:
		var code int32
		if _, err := binary.Decode(text[n:], binary.NativeEndian, &code); err != nil {
			return socketInfo{}, errAnswer
		}
		if errno := unix.Errno(-code); errno != unix.ENOENT {
			return socketInfo{}, fmt.Errorf("ask for a socket: %w", errno)
		}
		return socketInfo{}, nil
	case unix.SOCK_DIAG_BY_FAMILY:
		var a diagAnswer
		if _, err := binary.Decode(text[n:], binary.NativeEndian, &a); err != nil {
			return socketInfo{}, errAnswer
		}
		return socketInfo{found: a.State != stateListening, state: a.State, uid: a.UID, inode: a.Inode}, nil
	}
	return socketInfo{}, errAnswer
}
