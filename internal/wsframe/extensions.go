package wsframe

import (
	"fmt"
	"strconv"
	"strings"
)

// maxWindowBits is the largest LZ77 window, of 32 KiB, and what holds where
// nothing was negotiated.
const maxWindowBits = 15

// Compression is what was negotiated for the messages of one direction.
type Compression struct {
	// NoTakeover says that each message is compressed on its own.
	NoTakeover bool
	// WindowBits is the base-2 logarithm of the window size in bytes, 8 to 15.
	// 0 means that permessage-deflate was not negotiated.
	WindowBits int
}

// Extensions is what a handshake agreed on. The zero value is none.
type Extensions struct {
	// Deflate says that permessage-deflate (RFC 7692) was negotiated, with
	// Client for the messages of the client and Server for those of the
	// server.
	Deflate        bool
	Client, Server Compression
	// Opaque, if not "", says why the frames cannot be understood: an
	// extension necto does not know, or a broken field. Reserved bits and
	// payloads then mean what nobody here can tell.
	Opaque string
}

// ParseExtensions reads the values of the Sec-WebSocket-Extensions fields of a
// 101 response.
func ParseExtensions(values []string) Extensions {
	var ext Extensions
	for e, err := range elements(values) {
		switch {
		case err != nil:
			return Extensions{Opaque: err.Error()}
		case !e.isDeflate():
			return Extensions{Opaque: fmt.Sprintf("unknown extension %.80q", e.name)}
		case ext.Deflate:
			return Extensions{Opaque: "permessage-deflate negotiated twice"}
		}
		if ext, err = e.agreed(); err != nil {
			return Extensions{Opaque: err.Error()}
		}
	}
	return ext
}

// AcceptDeflate chooses from the values of the Sec-WebSocket-Extensions fields
// of a request what a server that compresses with AppendDeflate can accept: the
// first offer of permessage-deflate that is well-formed. It returns the field
// value of the response and what it means, or "" if there is no such offer.
func AcceptDeflate(offers []string) (string, Extensions) {
	for e, err := range elements(offers) {
		if err != nil {
			break
		}
		if !e.isDeflate() {
			continue
		}
		if value, ok := e.answer(); ok {
			return value, ParseExtensions([]string{value})
		}
	}
	return "", Extensions{}
}

// isDeflate reports whether the element is permessage-deflate.
func (e element) isDeflate() bool { return strings.EqualFold(e.name, "permessage-deflate") }

// agreed reads the parameters of permessage-deflate in a response (RFC 7692
// section 7.1).
func (e element) agreed() (Extensions, error) {
	ext := Extensions{
		Deflate: true,
		Client:  Compression{WindowBits: maxWindowBits},
		Server:  Compression{WindowBits: maxWindowBits},
	}
	for i, p := range e.params {
		ok := !e.params[:i].has(p.name)
		switch strings.ToLower(p.name) {
		case "server_no_context_takeover":
			ext.Server.NoTakeover = true
			ok = ok && !p.hasValue
		case "client_no_context_takeover":
			ext.Client.NoTakeover = true
			ok = ok && !p.hasValue
		case "server_max_window_bits":
			ext.Server.WindowBits = p.windowBits()
			ok = ok && ext.Server.WindowBits > 0
		case "client_max_window_bits":
			ext.Client.WindowBits = p.windowBits()
			ok = ok && ext.Client.WindowBits > 0
		default:
			ok = false
		}
		if !ok {
			return Extensions{}, fmt.Errorf("invalid permessage-deflate parameter %.80q", p.name)
		}
	}
	return ext, nil
}

// answer returns the response to an offer, false if it is declined: one with
// parameters that are unknown, repeated or out of range (RFC 7692 section 7).
// Neither side keeps a window: gorilla/websocket insists on both being said, and
// any client has to accept it (section 7.1.1.2).
func (e element) answer() (string, bool) {
	window := ""
	for i, p := range e.params {
		ok := !e.params[:i].has(p.name)
		switch strings.ToLower(p.name) {
		case "server_no_context_takeover", "client_no_context_takeover":
			ok = ok && !p.hasValue
		case "server_max_window_bits":
			bits := p.windowBits()
			window = "; server_max_window_bits=" + strconv.Itoa(bits)
			ok = ok && bits > 0
		case "client_max_window_bits": // a hint: the client may keep to 15
			ok = ok && (!p.hasValue || p.windowBits() > 0)
		default:
			ok = false
		}
		if !ok {
			return "", false
		}
	}
	return "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + window, true
}

// windowBits returns the value as a number of window bits, 0 if it is not one.
func (p param) windowBits() int {
	bits, err := strconv.Atoi(p.value)
	if err != nil || bits < 8 || bits > maxWindowBits || strconv.Itoa(bits) != p.value {
		return 0
	}
	return bits
}
