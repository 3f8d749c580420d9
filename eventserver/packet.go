package eventserver

import (
	"bytes"
	"strconv"

	"github.com/necto-dev/necto/internal/wsframe"
)

// maxAttachments is how many attachments official clients take in a packet.
const maxAttachments = 10

// bundle is what a subscriber gets of a segment, ready to be sent.
type bundle struct {
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

// add appends a packet of the namespace "/".
func (b *bundle) add(name string, args ...*encoded) {
	b.packet(name, "", "", args)
}

// addBatch appends a packet whose only argument is a list of args.
func (b *bundle) addBatch(name string, args []*encoded) {
	b.packet(name, "[", "]", args)
}

func (b *bundle) packet(name, open, end string, args []*encoded) {
	var p packetWriter
	for _, a := range args {
		p.attachments += len(a.attachments)
	}
	p.begin(name)
	sep := "," + open
	for _, a := range args {
		if len(a.text) > 0 { // an event may have no argument
			p.buf.WriteString(sep)
			p.arg(a)
			sep = ","
		}
	}
	p.buf.WriteString(end)
	p.buf.WriteByte(']')
	b.text(p.buf.Bytes())
	for _, a := range args {
		for _, data := range a.attachments {
			b.binary(data)
		}
	}
}

// packetWriter writes one Socket.IO packet (protocol version 5).
type packetWriter struct {
	buf         bytes.Buffer
	attachments int
	placed      int
}

func (p *packetWriter) begin(name string) {
	if p.attachments > 0 {
		p.buf.WriteByte('5') // BINARY_EVENT
		p.buf.WriteString(strconv.Itoa(p.attachments))
		p.buf.WriteByte('-')
	} else {
		p.buf.WriteByte('2') // EVENT
	}
	p.buf.WriteString(`["` + name + `"`)
}

// arg writes an argument and numbers its attachments.
func (p *packetWriter) arg(a *encoded) {
	from := 0
	for _, hole := range a.holes {
		p.buf.Write(a.text[from:hole])
		p.buf.WriteString(strconv.Itoa(p.placed))
		p.placed++
		from = hole
	}
	p.buf.Write(a.text[from:])
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
