package eventserver

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

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
	// users counts the subscribers who are being sent it, and those who left before
	// that was done: the transport may be reading frames still.
	users atomic.Int32
}

// message is one Engine.IO message: text, which is a Socket.IO packet, or an
// attachment of the one before.
type message struct {
	binary   bool
	from, to int
}

// piece returns a part of the messages as a bundle.
func (b *bundle) piece(from, to int) *bundle {
	start := 0
	if from > 0 {
		start = b.messages[from-1].to
	}
	p := &bundle{frames: b.frames[start:b.messages[to-1].to], messages: slices.Clone(b.messages[from:to])}
	for i := range p.messages {
		p.messages[i].from -= start
		p.messages[i].to -= start
	}
	return p
}

// spareBundles are those that were sent: their memory is used again.
var spareBundles = sync.Pool{New: func() any { return new(bundle) }}

// newBundle returns an empty bundle for a namespace, "" for "/".
func newBundle(namespace string) *bundle {
	b := spareBundles.Get().(*bundle)
	b.namespace = ""
	if namespace != "" {
		b.namespace = namespace + ","
	}
	return b
}

// maxSpare is how much memory a bundle has that is used again, in bytes.
const maxSpare = 2 * segmentBytes

// recycle lets the memory of b be used again, if nobody else uses b.
func (b *bundle) recycle() {
	if b == nil || b.users.Load() > 0 || cap(b.frames) > maxSpare {
		return
	}
	b.frames, b.messages = b.frames[:0], b.messages[:0]
	spareBundles.Put(b)
}

// add appends a packet with one argument, or without if that has no text.
func (b *bundle) add(name string, arg *encoded) { b.packet(name, ",", "]", arg) }

// addBatch appends a packet whose only argument is a list of what is in entries.
func (b *bundle) addBatch(name string, entries *encoded) { b.packet(name, ",[", "]]", entries) }

// packet appends a packet with args between open and end.
func (b *bundle) packet(name, open, end string, args *encoded) {
	p := packetWriter{buf: b.scratch(args), attachments: len(args.attachments)}
	p.begin(b.namespace, name)
	if len(args.text) == 0 {
		open, end = "", "]"
	}
	p.raw(open)
	p.arg(args)
	p.raw(end)
	b.text(p.buf)
	for _, data := range args.attachments {
		b.binary(data)
	}
}

// scratch returns memory behind what frames has, for a packet with these
// arguments: from there it moves by no more than the head of its frame.
func (b *bundle) scratch(args *encoded) []byte {
	size := packetRoom + args.cost() + int64(len(args.attachments))*(headRoom+placeholderRoom)
	b.frames = slices.Grow(b.frames, int(size))
	at := len(b.frames) + headRoom
	return b.frames[at:at:cap(b.frames)]
}

// Room for what a packet has beside its arguments, the head of a frame with its
// type, and the number of an attachment, in bytes.
const (
	packetRoom      = 128
	headRoom        = 11
	placeholderRoom = 2
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
