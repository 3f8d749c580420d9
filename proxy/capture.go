package proxy

import (
	"net/http"
	"time"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// maxGRPCMessages is how many messages of a call are noted. A stream that goes on
// for ever is relayed all the same.
const maxGRPCMessages = 1 << 20

// capture keeps the content of one body of an exchange as it passes.
type capture struct {
	x    *exchange
	dir  traffic.Direction
	body *traffic.Body // is told, and therefore no part of this
	// timed notes when each piece came, for bodies that end by themselves.
	timed bool
	// messages finds those of a gRPC call, nil for anything else.
	messages *grpcwire.Splitter
}

// begin prepares t, which is zero, to keep content of the given length, -1 for
// unknown, in body, which is zero, too.
func (t *capture) begin(x *exchange, dir traffic.Direction, length int64, body *traffic.Body) {
	t.x, t.dir, t.timed, t.body = x, dir, dir == traffic.ServerToClient && length < 0, body
	t.body.Init(x.c.p.opts.MaxBody)
	t.body.Expect(length)
	if format := x.grpcFormat(dir); format != grpcwire.None {
		messages := grpcwire.NewSplitter(format)
		t.messages = &messages
		if dir == traffic.ClientToServer {
			x.GRPCEnd = -1
		}
	}
}

// grpcFormat returns how one direction carries messages of gRPC, None if the
// exchange is no call, or its content is coded as a whole.
func (x *exchange) grpcFormat(dir traffic.Direction) grpcwire.Format {
	if x.Request.Method != http.MethodPost {
		return grpcwire.None
	}
	header, format := x.Request.Header, grpcwire.FormatOf(x.Request.Header.Get("Content-Type"))
	if dir == traffic.ServerToClient && format != grpcwire.None {
		header = x.Response.Header
		format = grpcwire.FormatOf(header.Get("Content-Type"))
	}
	if format != grpcwire.None && header.Has("Content-Encoding") {
		return grpcwire.None
	}
	return format
}

// Data keeps p and shows it to who asked for body chunks.
func (t *capture) Data(p []byte) {
	if t.timed {
		t.body.Mark(time.Since(t.x.Started), len(p))
	}
	t.body.Append(p)
	if t.messages != nil {
		t.messages.Data(p, t.message)
	}
	if t.chunksWanted() {
		t.x.order.Lock()
		defer t.x.order.Unlock()
		t.x.c.p.observer.Observe(traffic.BodyChunk{Exchange: &t.x.Exchange, Dir: t.dir, Time: time.Now(), Data: p})
	}
}

// Full reports whether Data need not be called any more.
func (t *capture) Full() bool { return t.body.Full() && t.messages == nil && !t.chunksWanted() }

// ended is called, with x.order held, when the last byte of a request was read.
func (t *capture) ended() {
	if t.messages != nil {
		t.x.GRPCEnd = len(t.x.GRPC)
	}
}

// message notes a message whose last byte has passed.
func (t *capture) message(m grpcwire.Message) {
	if m.Trailer {
		return
	}
	t.x.order.Lock()
	defer t.x.order.Unlock()
	if len(t.x.GRPC) < maxGRPCMessages {
		t.x.GRPC = append(t.x.GRPC, traffic.GRPCMessage{
			Dir: t.dir, At: time.Since(t.x.Started), Size: m.Size, Compressed: m.Compressed,
		})
	}
}

// chunksWanted reports whether somebody has asked for body chunks.
func (t *capture) chunksWanted() bool {
	wanted := t.x.c.p.opts.BodyChunks
	return wanted != nil && wanted()
}

// Skip counts what passed unseen.
func (t *capture) Skip(n int64) { t.body.Skip(n) }

var _ h1.Tap = (*capture)(nil)
