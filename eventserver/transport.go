package eventserver

import (
	"io"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/queue"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// bundleData is a bundle on its way through the library, which takes it for the
// data of one packet. Only the transports of this file know what to do with it.
type bundleData struct {
	*bundle

	// written is closed when the bundle has been written. The library's own callback
	// for this gets lost when something else is sent at the same moment.
	written chan struct{}
}

// Read implements io.Reader; nobody calls it.
func (bundleData) Read([]byte) (int, error) { return 0, io.EOF }

// socketTransport is the library's WebSocket transport, except that it writes a
// bundle as it is, in one piece. The library frames each message anew for each
// client, copies it while doing so, and makes a system call of it.
type socketTransport struct {
	transports.Websocket

	conn  *types.WebSocketConn
	queue *queue.Queue
}

// socketBuilder makes socketTransports.
type socketBuilder struct{ transports.WebSocketBuilder }

// New implements the library's TransportCtor.
func (*socketBuilder) New(ctx *types.HttpContext) transports.Transport {
	t := &socketTransport{Websocket: transports.MakeWebSocket(), conn: ctx.Websocket, queue: queue.New()}
	t.Prototype(t)
	t.Construct(ctx)
	return t
}

// Send writes packets, later and in order.
func (t *socketTransport) Send(packets []*packet.Packet) {
	t.SetWritable(false)
	t.queue.Enqueue(func() {
		t.write(packets)
		t.Emit("drain")
		t.SetWritable(true)
		t.Emit("ready")
	})
}

// write writes packets. What cannot be written ends the connection, which the
// goroutine that reads from it finds out.
func (t *socketTransport) write(packets []*packet.Packet) {
	for _, p := range packets {
		if err := t.writePacket(p); err != nil {
			_ = t.conn.Conn.Close()
			return
		}
	}
}

func (t *socketTransport) writePacket(p *packet.Packet) error {
	if b, ok := p.Data.(bundleData); ok {
		// One Write is not torn apart by the control frames that others send.
		_, err := t.conn.NetConn().Write(b.frames)
		close(b.written)
		return err
	}
	data, err := t.Parser().EncodePacket(p, t.SupportsBinary())
	if err != nil {
		return err
	}
	kind := websocket.BinaryMessage
	if _, text := data.(*types.StringBuffer); text {
		kind = websocket.TextMessage
	}
	return t.conn.WriteMessage(kind, data.Bytes())
}

// reader returns a message as the library wants it: the type tells text from
// binary.
func (b *bundle) reader(m message) io.Reader {
	data := b.frames[m.from:m.to]
	if m.binary {
		return types.NewBytesBuffer(data)
	}
	return types.NewStringBuffer(data)
}
