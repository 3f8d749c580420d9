package eventserver

import (
	"net/http"
	"sync/atomic"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// pollMessages is how many messages of a bundle the answer of a poll has at most:
// clients in Python take 16, others among them.
const pollMessages = 12

// pollingTransport is the library's long-polling transport, except that it
// understands bundles, refuses what is no payload, and answers the poll that waits
// when the session ends.
type pollingTransport struct {
	transports.Polling

	// post is the request that brings data, nil for none.
	post atomic.Pointer[types.HttpContext]
}

// pollingBuilder makes pollingTransports.
type pollingBuilder struct{ transports.PollingBuilder }

// New implements the library's TransportCtor.
func (*pollingBuilder) New(ctx *types.HttpContext) transports.Transport {
	t := &pollingTransport{Polling: transports.MakePolling()}
	t.Prototype(t)
	t.Construct(ctx)
	return t
}

// Send writes packets, those of bundles one by one.
func (t *pollingTransport) Send(packets []*packet.Packet) {
	var all []*packet.Packet
	for _, p := range packets {
		b, ok := p.Data.(bundleData)
		if !ok {
			all = append(all, p)
			continue
		}
		_ = t.Once("drain", func(...any) { close(b.written) })
		for _, m := range b.messages {
			all = append(all, packet.NewWithOptions(packet.MESSAGE, b.reader(m), p.Options))
		}
	}
	t.Polling.Send(all)
}

// OnRequest serves a request of the client.
func (t *pollingTransport) OnRequest(ctx *types.HttpContext) {
	if ctx.Method() == http.MethodPost && t.post.CompareAndSwap(nil, ctx) {
		defer t.post.Store(nil)
	}
	t.Polling.OnRequest(ctx)
}

// OnData takes a payload in. The library answers anything with "ok".
func (t *pollingTransport) OnData(payload types.BufferInterface) {
	packets, err := t.Parser().DecodePayload(payload)
	if err != nil {
		if ctx := t.post.Load(); ctx != nil {
			// A response is written once: this one comes before the library's.
			_ = ctx.SetStatusCode(http.StatusBadRequest)
			_, _ = ctx.Write(nil)
		}
		t.OnError("invalid payload", err)
		return
	}
	for _, p := range packets {
		if p.Type == packet.CLOSE {
			t.OnClose()
			return
		}
		t.OnPacket(p)
	}
}

// DoClose tells the poll that waits that the session is over. The library stops
// its queue first, and the poll waits for ever.
func (t *pollingTransport) DoClose(closed types.Callable) {
	if !t.Writable() { // nobody waits
		t.Polling.DoClose(closed)
		return
	}
	t.Polling.Send([]*packet.Packet{{Type: packet.CLOSE}})
	if closed != nil {
		closed()
	}
	t.OnClose()
}
