package tail

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// Selection says what is printed. The zero value selects everything; with Dir,
// Opcode or Search it is frames alone.
type Selection struct {
	// Kind restricts lines to those of HTTP or of WebSocket.
	Kind Kind
	// Dir selects frames of one direction, nil for both.
	Dir *traffic.Direction
	// Opcode selects frames with an opcode, nil for any.
	Opcode *traffic.Opcode
	// Search selects frames whose content has this text in any case, "" for any.
	Search string
}

// Kind is a keyword of the filter language. The zero value is everything.
type Kind string

// The kinds there are. KindWS includes KindWSS and KindHTTP includes KindHTTPS.
const (
	KindAll   Kind = ""
	KindWS    Kind = "ws"
	KindWSS   Kind = "wss"
	KindHTTP  Kind = "http"
	KindHTTPS Kind = "https"
)

// ParseKind reads a keyword in any case.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(strings.ToLower(strings.TrimSpace(s))); k {
	case KindWS, KindWSS, KindHTTP, KindHTTPS:
		return k, nil
	default:
		return "", fmt.Errorf("%q is none of ws, wss, http, https", s)
	}
}

// ParseDirection reads client-to-server or server-to-client, or as the client
// sees them out and in.
func ParseDirection(s string) (traffic.Direction, error) {
	switch strings.ToLower(s) {
	case traffic.ClientToServer.String(), "out":
		return traffic.ClientToServer, nil
	case traffic.ServerToClient.String(), "in":
		return traffic.ServerToClient, nil
	default:
		return 0, fmt.Errorf("%q is neither client-to-server (out) nor server-to-client (in)", s)
	}
}

var opcodeNames = map[string]traffic.Opcode{
	"continuation": traffic.OpContinuation,
	"text":         traffic.OpText,
	"binary":       traffic.OpBinary,
	"close":        traffic.OpClose,
	"ping":         traffic.OpPing,
	"pong":         traffic.OpPong,
}

// ParseOpcode reads the name of an opcode, or its number from 0 to 15, which may
// be written 0xf.
func ParseOpcode(s string) (traffic.Opcode, error) {
	if op, ok := opcodeNames[strings.ToLower(s)]; ok {
		return op, nil
	}
	n, err := strconv.ParseUint(s, 0, 4)
	if err != nil {
		return 0, fmt.Errorf("%q is none of continuation, text, binary, close, ping, pong, nor a number from 0 to 15", s)
	}
	return traffic.Opcode(n), nil
}

// framesOnly reports whether nothing but frames is selected.
func (s *Selection) framesOnly() bool { return s.Dir != nil || s.Opcode != nil || s.Search != "" }

// exchanges reports whether lines of exchanges may be selected, conversations
// those of WebSocket connections, and others those that are neither.
func (s *Selection) exchanges() bool {
	return !s.framesOnly() && s.Kind != KindWS && s.Kind != KindWSS
}

func (s *Selection) conversations() bool { return s.Kind != KindHTTP && s.Kind != KindHTTPS }

func (s *Selection) others() bool { return !s.framesOnly() && s.Kind == KindAll }

// scheme reports whether a URL of that scheme is selected. That of a connection
// whose handshake is not in the recording is "".
func (s *Selection) scheme(scheme string) bool {
	switch s.Kind {
	case KindWSS, KindHTTPS:
		return scheme == string(s.Kind)
	default:
		return true
	}
}

// head reports whether a frame is selected as far as its head goes.
func (s *Selection) head(f *record.FrameEntry) bool {
	return (s.Dir == nil || *s.Dir == f.Dir) && (s.Opcode == nil || *s.Opcode == f.Opcode)
}

// contains reports whether a frame's content has what is searched for.
func (s *Selection) contains(p []byte) bool {
	return s.Search == "" || bytes.Contains(bytes.ToLower(p), bytes.ToLower([]byte(s.Search)))
}
