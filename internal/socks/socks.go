package socks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// Reply codes (RFC 1928 section 6).
const (
	Succeeded           Code = 0
	GeneralFailure      Code = 1
	NotAllowed          Code = 2
	NetworkUnreachable  Code = 3
	HostUnreachable     Code = 4
	ConnectionRefused   Code = 5
	TTLExpired          Code = 6
	CommandNotSupported Code = 7
	AddressNotSupported Code = 8
)

const (
	version4, version5 = 4, 5

	authNone, authPassword, authNothing = 0, 2, 0xff

	addrIPv4, addrName, addrIPv6 = 1, 3, 4

	commandConnect = 1

	granted4, rejected4 = 0x5a, 0x5b

	maxText = 255 // of what ends with a zero in version 4
)

// ErrAuth is wrapped by the error of Accept when a client is not let in.
var ErrAuth = errors.New("user and password are not accepted")

// Code says what became of a request.
type Code byte

// Request is what a client asks for.
type Request struct {
	// Host is a name, not resolved and not validated, or an address.
	Host string
	// Port has decimal digits.
	Port string

	version byte
}

// Users says who may come in. The zero value lets everybody in and is not interested
// in who it is.
type Users struct {
	// Check is asked about the user and the password of clients that have them; nil
	// accepts all.
	Check func(user, password string) bool
	// Required refuses clients that have none, as those of version 4.
	Required bool
}

// Accept reads a handshake up to the request, answers what has to be answered
// before that, and returns it. After an error the client has been told what can be
// told, and the connection is to be closed; io.EOF and io.ErrUnexpectedEOF mean that
// the handshake was not whole, and a client that users do not let in gives ErrAuth.
func Accept(rw io.ReadWriter, users Users) (*Request, error) {
	version, err := readByte(rw)
	switch {
	case err != nil:
		return nil, err
	case version == version4:
		return accept4(rw, users.Required)
	case version == version5:
		return accept5(rw, users)
	}
	return nil, fmt.Errorf("SOCKS version %d", version)
}

// Reply tells the client what became of its request.
func (r *Request) Reply(w io.Writer, code Code) error { return reply(w, r.version, code) }

func reply(w io.Writer, version byte, code Code) error {
	out := []byte{version5, byte(code), 0, addrIPv4, 0, 0, 0, 0, 0, 0}
	if version == version4 {
		out = []byte{0, rejected4, 0, 0, 0, 0, 0, 0}
		if code == Succeeded {
			out[1] = granted4
		}
	}
	_, err := w.Write(out)
	return err
}

// refuse replies and returns err.
func refuse(w io.Writer, version byte, code Code, err error) error {
	if failed := reply(w, version, code); failed != nil {
		return failed
	}
	return err
}

// accept4 is version 4, and 4a, where a name takes the place of an address
// 0.0.0.x. There is no password in it.
func accept4(rw io.ReadWriter, required bool) (*Request, error) {
	var head [7]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, unexpected(err)
	}
	if _, err := readText(rw); err != nil { // the user, whom nobody knows
		return nil, err
	}
	addr := netip.AddrFrom4([4]byte(head[3:]))
	r := &Request{Host: addr.String(), Port: port(head[1:3]), version: version4}
	if bytes.HasPrefix(head[3:], []byte{0, 0, 0}) && head[6] != 0 {
		name, err := readText(rw)
		if err != nil {
			return nil, err
		}
		r.Host = name
	}
	switch {
	case required:
		return nil, refuse(rw, version4, NotAllowed, fmt.Errorf("SOCKS4 has no password: %w", ErrAuth))
	case head[0] != commandConnect:
		return nil, refuse(rw, version4, CommandNotSupported, fmt.Errorf("SOCKS command %d", head[0]))
	}
	return r, nil
}

func accept5(rw io.ReadWriter, users Users) (*Request, error) {
	if err := users.authenticate(rw); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, unexpected(err)
	}
	if head[0] != version5 {
		return nil, refuse(rw, version5, GeneralFailure, fmt.Errorf("SOCKS version %d in a request", head[0]))
	}
	host, err := readHost(rw, head[3])
	if err != nil {
		return nil, err
	}
	var p [2]byte
	if _, err := io.ReadFull(rw, p[:]); err != nil {
		return nil, unexpected(err)
	}
	if head[1] != commandConnect {
		return nil, refuse(rw, version5, CommandNotSupported, fmt.Errorf("SOCKS command %d", head[1]))
	}
	return &Request{Host: host, Port: port(p[:]), version: version5}, nil
}

// authenticate agrees on a method.
func (u Users) authenticate(rw io.ReadWriter) error {
	methods, err := readCounted(rw)
	if err != nil {
		return err
	}
	method := u.choose(methods)
	if _, err := rw.Write([]byte{version5, method}); err != nil {
		return err
	}
	switch {
	case method == authNone:
		return nil
	case method == authPassword:
		return u.checkPassword(rw)
	case u.Required:
		return fmt.Errorf("the client offers none: %w", ErrAuth)
	}
	return fmt.Errorf("SOCKS methods %x: none is known", methods)
}

// choose returns the method among those that a client offers: user and password if
// they are of interest, or if it knows nothing else.
func (u Users) choose(methods []byte) byte {
	none := !u.Required && bytes.IndexByte(methods, authNone) >= 0
	switch {
	case none && u.Check == nil:
		return authNone
	case bytes.IndexByte(methods, authPassword) >= 0:
		return authPassword
	case none:
		return authNone
	}
	return authNothing
}

// checkPassword is RFC 1929.
func (u Users) checkPassword(rw io.ReadWriter) error {
	version, err := readByte(rw)
	if err != nil {
		return unexpected(err)
	}
	if version != 1 {
		return fmt.Errorf("version %d of user and password", version)
	}
	user, err := readCounted(rw)
	if err != nil {
		return err
	}
	password, err := readCounted(rw)
	if err != nil {
		return err
	}
	answer := []byte{1, 0}
	if u.Check != nil && !u.Check(string(user), string(password)) {
		answer[1], err = 1, ErrAuth
	}
	if _, failed := rw.Write(answer); failed != nil {
		return failed
	}
	return err
}

func readHost(rw io.ReadWriter, kind byte) (string, error) {
	var p []byte
	switch kind {
	case addrIPv4:
		p = make([]byte, 4)
	case addrIPv6:
		p = make([]byte, 16)
	case addrName:
		name, err := readCounted(rw)
		return string(name), err
	default:
		return "", refuse(rw, version5, AddressNotSupported, fmt.Errorf("SOCKS address type %d", kind))
	}
	if _, err := io.ReadFull(rw, p); err != nil {
		return "", unexpected(err)
	}
	addr, _ := netip.AddrFromSlice(p) // 4 or 16 bytes always are one
	return addr.String(), nil
}

// readCounted reads what has its length in front.
func readCounted(r io.Reader) ([]byte, error) {
	n, err := readByte(r)
	if err != nil {
		return nil, unexpected(err)
	}
	p := make([]byte, n)
	_, err = io.ReadFull(r, p)
	return p, unexpected(err)
}

// readText reads what ends with a zero, byte by byte: what is behind it is the
// caller's.
func readText(r io.Reader) (string, error) {
	var text []byte
	for {
		b, err := readByte(r)
		switch {
		case err != nil:
			return "", unexpected(err)
		case b == 0:
			return string(text), nil
		case len(text) == maxText:
			return "", fmt.Errorf("more than %d bytes without an end", maxText)
		}
		text = append(text, b)
	}
}

func readByte(r io.Reader) (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

// unexpected is for the end of the connection inside a handshake.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func port(p []byte) string { return strconv.Itoa(int(binary.BigEndian.Uint16(p))) }
