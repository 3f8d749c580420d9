package eventserver

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// bundleData is a bundle on its way through the library, which takes it for the
// data of one packet. Only necto's transports know what to do with it.
type bundleData struct {
	*bundle

	// written is closed when the bundle has been written. The library's own callback
	// for this gets lost when something else is sent at the same moment.
	written chan struct{}
}

// Read implements io.Reader; nobody calls it.
func (bundleData) Read([]byte) (int, error) { return 0, io.EOF }

// socketTransport is a WebSocket connection for the library, in place of its own
// transport, which frames each message anew for each client, copies it while doing
// so, and makes a system call of it. Here bundles are written as they are. Nor does a
// connection on which nothing happens take more than one goroutine with little stack.
type socketTransport struct {
	transports.Transport

	conn *types.WebSocketConn
	// idle is how long nothing may come.
	idle time.Duration

	mu sync.Mutex // guards the fields below
	// packets of the library wait to be written, as they were given to Send.
	packets [][]*packet.Packet
	// writing says that packets are being written, or a bundle.
	writing bool
	// free is signalled when writing ends.
	free sync.Cond
	// settled says that a bundle has come through the library: what it had to send
	// before this was its transport is written.
	settled bool
}

// socketBuilder makes socketTransports.
type socketBuilder struct{ transports.WebSocketBuilder }

// New implements the library's TransportCtor.
func (*socketBuilder) New(ctx *types.HttpContext) transports.Transport {
	t := &socketTransport{Transport: transports.MakeTransport(), conn: ctx.Websocket, idle: ctx.IdleTimeout}
	t.free.L = &t.mu
	t.Prototype(t)
	t.Construct(ctx)
	t.SetWritable(true)
	go t.receive() // until the connection is closed
	return t
}

// Name implements the library's Transport.
func (*socketTransport) Name() string { return transports.WEBSOCKET }

// HandlesUpgrades implements the library's Transport.
func (*socketTransport) HandlesUpgrades() bool { return true }

// receive reads messages until that fails.
func (t *socketTransport) receive() {
	defer t.OnClose()
	for {
		data, err := t.next()
		if err != nil {
			return
		}
		// What the library does with a message takes much stack, which this goroutine
		// would keep while it waits for the next one.
		var handled sync.WaitGroup
		handled.Go(func() { t.OnData(data) })
		handled.Wait()
	}
}

// next reads a message.
func (t *socketTransport) next() (types.BufferInterface, error) {
	if t.idle > 0 {
		if err := t.conn.SetReadDeadline(time.Now().Add(t.idle)); err != nil {
			return nil, err
		}
	}
	kind, data, err := t.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	if kind == websocket.TextMessage { // the type tells the library text from binary
		return types.NewStringBuffer(data), nil
	}
	return types.NewBytesBuffer(data), nil
}

// OnClose implements the library's Transport.
func (t *socketTransport) OnClose() {
	_ = t.conn.Conn.Close()
	t.Transport.OnClose()
}

// DoClose implements the library's Transport.
func (t *socketTransport) DoClose(closed types.Callable) {
	if closed != nil {
		closed()
	}
	_ = t.conn.Conn.Close() // receive does the rest
}

// Send writes packets, later and in order.
func (t *socketTransport) Send(packets []*packet.Packet) {
	t.SetWritable(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets = append(t.packets, packets)
	if !t.writing {
		t.writing = true
		go t.writePackets()
	}
}

// writePackets writes what Send was given until there is no more. writing is set.
func (t *socketTransport) writePackets() {
	for packets, ok := t.takePackets(); ok; packets, ok = t.takePackets() {
		for _, p := range packets {
			if err := t.writePacket(p); err != nil {
				_ = t.conn.Conn.Close() // which receive finds out
				break
			}
		}
		// The library may call Send of this.
		t.Emit("drain")
		t.SetWritable(true)
		t.Emit("ready")
	}
}

// takePackets returns what is to be written next, false if that is nothing: writing
// has ended.
func (t *socketTransport) takePackets() (packets []*packet.Packet, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.packets) == 0 {
		t.packets = nil
		t.writing = false
		t.free.Signal()
		return nil, false
	}
	packets = t.packets[0]
	t.packets = t.packets[1:]
	return packets, true
}

func (t *socketTransport) writePacket(p *packet.Packet) error {
	if b, ok := p.Data.(bundleData); ok {
		defer close(b.written)
		t.mu.Lock()
		t.settled = true
		t.mu.Unlock()
		return t.writeFrames(b.bundle)
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

// writeBundles writes bundles past the library, behind all that was sent before. It
// returns false without having written them as long as none has come through the
// library.
func (t *socketTransport) writeBundles(bundles []*bundle) (written bool, _ error) {
	t.mu.Lock()
	for t.settled && t.writing {
		t.free.Wait()
	}
	if !t.settled {
		t.mu.Unlock()
		return false, nil
	}
	t.writing = true
	t.mu.Unlock()

	err := t.writeFrames(bundles...)
	if err != nil {
		_ = t.conn.Conn.Close() // which receive finds out
	}
	t.handOver()
	return true, err
}

// writeFrames writes bundles. None of them is torn apart by the control frames that
// others send.
func (t *socketTransport) writeFrames(bundles ...*bundle) error {
	conn := t.conn.NetConn().(*gateConn)
	frames, size := make(net.Buffers, len(bundles)), 0
	for i, b := range bundles {
		frames[i], size = b.frames, size+len(b.frames)
	}
	if len(frames) > 1 && size <= writeChunk {
		return conn.writeAll(frames)
	}
	for _, f := range frames {
		if _, err := conn.Write(f); err != nil {
			return err
		}
	}
	return nil
}

// handOver ends the writing of a bundle.
func (t *socketTransport) handOver() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.packets) > 0 {
		go t.writePackets()
		return
	}
	t.writing = false
	t.free.Signal()
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
