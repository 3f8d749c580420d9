package eventserver

import (
	"slices"
	"strconv"

	"github.com/necto-dev/necto/internal/wsframe"
)

// maxAttachments is how many attachments official clients take in a packet.
const maxAttachments = 10

// bundle is what a subscriber gets of a segment, ready to be sent.
type bundle struct {
	// namespace is how packets say where they belong: nothing for "/", else its
	// name and a comma.
	namespace string
	// frames are the Engine.IO messages as WebSocket frames, in one piece.
	frames []byte
	// messages say where in frames they are.
	messages []message
}

// message is one Engine.IO message: text, which is a Socket.IO packet, or an
// attachment of the one before.
type message struct {
	binary   bool
	from, to int
}

// newBundle returns an empty bundle for a namespace, "" for "/".
func newBundle(namespace string) *bundle {
	if namespace == "" {
		return new(bundle)
	}
	return &bundle{namespace: namespace + ","}
}

// add appends a packet.
func (b *bundle) add(name string, args ...*encoded) {
	b.packet(name, "", "", args)
}

// addBatch appends a packet whose only argument is a list of args.
func (b *bundle) addBatch(name string, args []*encoded) {
	b.packet(name, "[", "]", args)
}

// packet appends a packet. Where there are several arguments they are in a list.
func (b *bundle) packet(name, open, end string, args []*encoded) {
	p := packetWriter{buf: b.scratch(args)}
	for _, a := range args {
		p.attachments += len(a.attachments)
	}
	p.begin(b.namespace, name)
	sep := "," + open
	for _, a := range args {
		if len(a.text) > 0 { // an event may have no argument
			p.raw(sep)
			p.arg(a)
			sep = ","
		}
	}
	p.raw(end)
	p.raw("]")
	b.text(p.buf)
	for _, a := range args {
		for _, data := range a.attachments {
			b.binary(data)
		}
	}
}

// scratch returns memory behind what frames has, for a packet with these
// arguments: from there it moves by no more than the head of its frame.
func (b *bundle) scratch(args []*encoded) []byte {
	size := int64(packetRoom)
	for _, a := range args {
		size += a.cost() + argumentRoom + int64(len(a.attachments))*headRoom
	}
	b.frames = slices.Grow(b.frames, int(size))
	at := len(b.frames) + headRoom
	return b.frames[at:at:cap(b.frames)]
}

// Room for what a packet has beside its arguments, an argument beside its text,
// and the head of a frame with its type, in bytes.
const (
	packetRoom   = 128
	argumentRoom = 48
	headRoom     = 11
)

// packetWriter writes one Socket.IO packet (protocol version 5).
type packetWriter struct {
	buf         []byte
	attachments int
	placed      int
}

func (p *packetWriter) raw(s string) { p.buf = append(p.buf, s...) }

func (p *packetWriter) begin(namespace, name string) {
	if p.attachments > 0 {
		p.raw("5") // BINARY_EVENT
		p.buf = strconv.AppendInt(p.buf, int64(p.attachments), 10)
		p.raw("-")
	} else {
		p.raw("2") // EVENT
	}
	p.raw(namespace + `["` + name + `"`)
}

// arg writes an argument and numbers its attachments.
func (p *packetWriter) arg(a *encoded) {
	from := 0
	for _, hole := range a.holes {
		p.buf = append(p.buf, a.text[from:hole]...)
		p.buf = strconv.AppendInt(p.buf, int64(p.placed), 10)
		p.placed++
		from = hole
	}
	p.buf = append(p.buf, a.text[from:]...)
}

func (b *bundle) text(packet []byte) {
	h := wsframe.Header{Fin: true, Opcode: wsframe.OpText, Length: int64(len(packet) + 1)}
	b.frames = append(wsframe.AppendHeader(b.frames, h), '4') // Engine.IO: message
	b.message(false, packet)
}

func (b *bundle) binary(data []byte) {
	h := wsframe.Header{Fin: true, Opcode: wsframe.OpBinary, Length: int64(len(data))}
	b.frames = wsframe.AppendHeader(b.frames, h)
	b.message(true, data)
}

func (b *bundle) message(binary bool, data []byte) {
	from := len(b.frames)
	b.frames = append(b.frames, data...)
	b.messages = append(b.messages, message{binary: binary, from: from, to: len(b.frames)})
}
