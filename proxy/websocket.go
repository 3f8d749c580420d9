package proxy

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// wsLinger is how long one side of a WebSocket connection may go on after the
// other has ended. Tests change it.
var wsLinger = 10 * time.Second

// webSocket is a WebSocket connection: bytes pass in both directions as they
// come, and are shown to a tap of each direction behind it.
type webSocket struct {
	x      *exchange
	far    tunnelConn
	halves [2]wsHalf // by traffic.Direction

	mu sync.Mutex // guards the fields below, those of halves that say so, and the taps; held while the observer is told

	turns  uint64 // pieces read, or with a filter written, so far, over both directions
	frames [2]uint64
	// closing is the first close frame: by is "" until there was one.
	closing struct {
		code   int
		reason string
		by     traffic.Side
	}
	// cause is why the first of the two directions ended, "" until it does, and
	// by the side whose connection did.
	cause  string
	by     traffic.Side
	linger *time.Timer // cuts what goes on too long, nil until one side has ended
	filter *wsFilter   // nil for none
}

// opensWebSocket reports whether a 101 opens the WebSocket connection that was
// asked for (RFC 6455 section 4.1). Whether the rest of the handshake is right
// is for the client to find.
func opensWebSocket(req *traffic.Request, resp *traffic.Response) bool {
	return isWebSocket(req) && resp.Header.HasToken("Upgrade", "websocket")
}

// relayWebSocket passes frames both ways until both sides have ended. It ends
// the exchange, and closes far. via is as in traffic.WebSocket.
func (x *exchange) relayWebSocket(resp *traffic.Response, far tunnelConn, via string) {
	ext := wsframe.ParseExtensions(resp.Header.Values("Sec-WebSocket-Extensions"))
	x.WS = &traffic.WebSocket{
		Subprotocol: resp.Header.Get("Sec-WebSocket-Protocol"),
		Opaque:      ext.Opaque != "",
		Via:         via,
	}
	if ext.Deflate {
		x.WS.Deflate[traffic.ClientToServer] = deflateOf(ext.Client)
		x.WS.Deflate[traffic.ServerToClient] = deflateOf(ext.Server)
	}
	x.conclude()
	x.observe(traffic.WSOpened{Exchange: &x.Exchange})
	x.ReleaseBodies()
	ws := newWebSocket(x, far, ext)
	x.c.p.webSockets.add(ws)
	ws.relay()
	x.c.p.webSockets.remove(ws)
	x.observe(traffic.WSClosed{Exchange: &x.Exchange, Close: ws.result()})
}

func deflateOf(c wsframe.Compression) traffic.Deflate {
	if c.NoTakeover {
		return traffic.DeflateNoTakeover
	}
	return traffic.DeflateTakeover
}

func newWebSocket(x *exchange, far tunnelConn, ext wsframe.Extensions) *webSocket {
	ws := &webSocket{x: x, far: far}
	ws.halves[traffic.ClientToServer] = wsHalf{
		src: growingBuffer{r: x.c.r}, dst: far, from: traffic.SideClient, to: traffic.SideUpstream,
	}
	ws.halves[traffic.ServerToClient] = wsHalf{
		src: growingBuffer{r: readerOf(far)}, dst: x.c.conn, from: traffic.SideUpstream, to: traffic.SideClient,
	}
	for dir := range ws.halves {
		h := &ws.halves[dir]
		h.ws, h.dir = ws, traffic.Direction(dir)
		h.tap.init(h, ext)
	}
	if x.c.p.opts.Frames != nil && ext.Opaque == "" {
		ws.askForFilter(ext)
	}
	return ws
}

// readerOf returns the Reader that has what came behind a 101, or a new one for
// what a layer made.
func readerOf(far tunnelConn) *h1.Reader {
	if origin, ok := far.(*upgradedConn); ok {
		return origin.oc.r
	}
	return h1.NewReader(far, h1.Limits{})
}

// relay returns when both directions have ended and both sides are closed.
func (ws *webSocket) relay() {
	var down sync.WaitGroup
	down.Go(ws.halves[traffic.ServerToClient].relay)
	ws.halves[traffic.ClientToServer].relay()
	down.Wait()
	if ws.filter != nil {
		ws.filter.stop()
	}
	if ws.linger != nil {
		ws.linger.Stop()
	}
	ws.close()
	for dir := range ws.halves {
		ws.halves[dir].tap.release()
	}
}

// close ends both sides in good order.
func (ws *webSocket) close() {
	if ws.filter != nil {
		ws.filter.cancel()
	}
	_ = ws.far.Close()
	_ = ws.x.c.conn.Close() // either side may have closed it already
}

// end is called when the half h ends, with what reading from one side or writing
// to the other gave. An orderly end is passed on.
func (ws *webSocket) end(h *wsHalf, side traffic.Side, err error) {
	orderly := side == h.from && errors.Is(err, io.EOF)
	ws.mu.Lock()
	h.unseen, h.over, h.ended = nil, orderly, true
	if ws.cause == "" {
		ws.cause, ws.by = ws.causeOf(err), side
		if ws.cause == string(traffic.FailShutdown) {
			ws.by = traffic.SideNecto
		}
		ws.lingerOn()
	}
	hungUp := ws.half(side).over
	ws.mu.Unlock()
	switch {
	case orderly:
		h.closeWrite()
	case hungUp:
		// It had said all that it wanted to, and does not listen any more:
		// nothing of it is missing on the other side.
		ws.close()
	default:
		if ws.filter != nil {
			ws.filter.cancel()
		}
		ws.x.c.cut(ws.far)
	}
}

// lingerOn sets the time by which the connection must have ended. Called under
// ws.mu.
func (ws *webSocket) lingerOn() {
	if ws.linger == nil {
		ws.linger = time.AfterFunc(wsLinger, ws.close)
	}
}

// count numbers a frame and tells the observer. Called under ws.mu.
func (ws *webSocket) count(f *traffic.Frame) {
	ws.frames[f.Dir]++
	f.Seq = ws.frames[0] + ws.frames[1]
	ws.x.c.p.observer.Observe(traffic.FrameSeen{Frame: f})
}

// half returns the direction that comes from a side.
func (ws *webSocket) half(from traffic.Side) *wsHalf {
	if from == traffic.SideClient {
		return &ws.halves[traffic.ClientToServer]
	}
	return &ws.halves[traffic.ServerToClient]
}

// causeOf says in a word what an error is.
func (ws *webSocket) causeOf(err error) string {
	if errors.Is(context.Cause(ws.x.c.ctx), errShutdown) {
		return string(traffic.FailShutdown)
	}
	switch kind := failureKind(err); kind {
	case traffic.FailEOF, traffic.FailTimeout:
		return string(kind)
	default:
		return string(traffic.FailReset)
	}
}

// result says how the connection ended.
func (ws *webSocket) result() *traffic.WSClose {
	r := &traffic.WSClose{
		Code: ws.closing.code, Reason: ws.closing.reason, By: ws.closing.by,
		Frames: ws.frames, Duration: time.Since(ws.x.Started),
	}
	if r.By == "" { // no close frame
		r.Code, r.By, r.Cause = wsframe.CloseAbnormal, ws.by, ws.cause
	}
	return r
}
