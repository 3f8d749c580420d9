package eventclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxAttachments bounds the attachments of a packet: clients and servers of
// Socket.IO take ten.
const maxAttachments = 10

// The packet types of Engine.IO, the first byte of a text message.
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
)

// packetType is the type of a Socket.IO packet.
type packetType byte

const (
	typeConnect      packetType = '0'
	typeDisconnect   packetType = '1'
	typeEvent        packetType = '2'
	typeAck          packetType = '3'
	typeConnectError packetType = '4'
	typeBinaryEvent  packetType = '5'
	typeBinaryAck    packetType = '6'
)

// packet is a Socket.IO packet without its attachments.
type packet struct {
	kind packetType
	// attachments is how many binary messages belong to it.
	attachments int
	// id is that of an acknowledgement, or what an event asks for, -1 for none.
	id int64
	// data is JSON, empty for none.
	data []byte
}

var errPacket = errors.New("malformed packet")

// parsePacket reads a packet of the namespace that place stands for, which is "" for
// "/", else its name and a comma. Its data is a part of text.
func parsePacket(text []byte, place string) (packet, error) {
	if len(text) == 0 || text[0] < '0' || text[0] > '6' {
		return packet{}, fmt.Errorf("%w: type", errPacket)
	}
	p := packet{kind: packetType(text[0]), id: -1}
	rest := text[1:]
	if p.kind == typeBinaryEvent || p.kind == typeBinaryAck {
		digits, after, ok := bytes.Cut(rest, []byte("-"))
		n, err := strconv.ParseUint(string(digits), 10, 8)
		if !ok || err != nil || n > maxAttachments {
			return packet{}, fmt.Errorf("%w: number of attachments", errPacket)
		}
		p.attachments, rest = int(n), after
	}
	var here bool
	if rest, here = inNamespace(rest, place); !here {
		return packet{}, fmt.Errorf("%w: another namespace", errPacket)
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		id, err := strconv.ParseInt(string(rest[:digits]), 10, 64)
		if err != nil {
			return packet{}, fmt.Errorf("%w: id", errPacket)
		}
		p.id = id
	}
	p.data = rest[digits:]
	return p, nil
}

// inNamespace returns what comes behind the namespace of a packet, and whether that
// is the one that place stands for.
func inNamespace(text []byte, place string) (rest []byte, here bool) {
	if len(text) == 0 || text[0] != '/' {
		return text, place == ""
	}
	namespace, rest, _ := bytes.Cut(text, []byte(","))
	if string(namespace) == "/" {
		return rest, place == ""
	}
	return rest, string(namespace)+"," == place
}

// event returns the event that a packet is, without its attachments.
func (p *packet) event() (*Event, error) {
	var args []json.RawMessage
	if err := json.Unmarshal(p.data, &args); err != nil || len(args) == 0 {
		return nil, fmt.Errorf("%w: event", errPacket)
	}
	e := new(Event)
	if err := json.Unmarshal(args[0], &e.Name); err != nil {
		return nil, fmt.Errorf("%w: name of an event", errPacket)
	}
	e.Args = args[1:]
	return e, nil
}

// Event is what a server has emitted.
type Event struct {
	Name string
	// Args are JSON. What is binary in it is an object that an Attachment is
	// unmarshalled from.
	Args []json.RawMessage
	// Attachments are what such objects stand for.
	Attachments [][]byte
}

// Attachment stands for something binary in the arguments of an event.
type Attachment struct {
	Num int `json:"num"`
}

// Bytes returns what a stands for, nil for nil and for what is not there.
func (e *Event) Bytes(a *Attachment) []byte {
	if a == nil || a.Num < 0 || a.Num >= len(e.Attachments) {
		return nil
	}
	return e.Attachments[a.Num]
}
