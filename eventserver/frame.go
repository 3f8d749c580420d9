package eventserver

import (
	"encoding/base64"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// socketSuffix makes of the id of an exchange that of its WebSocket connection.
const socketSuffix = "-ws"

// open writes a WebSocketConnectionEvent.
func (w *jsonWriter) open(it *item) {
	w.connection(it.x)
	w.str(`,"url":`, urlOf(it.x).String())
	w.int(`,"timestamp":`, it.x.Started.Add(it.x.Duration).UnixMilli())
	w.str(`,"sessionId":`, w.session)
	if ws := it.x.WS; ws != nil && ws.Subprotocol != "" {
		w.str(`,"subprotocol":`, ws.Subprotocol)
	}
	w.raw("}")
}

// connection begins an object with the two ids of a connection.
func (w *jsonWriter) connection(x *traffic.Exchange) {
	w.id(`{"trafficId":`, x.ID, "")
	w.id(`,"id":`, x.ID, socketSuffix)
}

// frame writes a WebSocketFrameEvent.
func (w *jsonWriter) frame(it *item) {
	f := it.frame
	w.id(`{"id":`, it.x.ID, "-"+strconv.FormatUint(f.Seq, 10))
	w.id(`,"trafficId":`, it.x.ID, "")
	w.int(`,"timestamp":`, f.Last.UnixMilli())
	w.str(`,"direction":`, f.Dir.String())
	w.int(`,"opcode":`, int64(f.Opcode))
	w.base64(`,"data":`, f.Payload)
	w.bool(`,"isBinary":`, f.Opcode == traffic.OpBinary)
	w.int(`,"length":`, f.Size)
	w.int(`,"seq":`, int64(f.Seq))
	w.bool(`,"fin":`, f.Fin)
	w.flag(`,"injected":true`, f.Injected)
	w.flag(`,"dropped":true`, f.Dropped)
	w.flag(`,"edited":true`, f.Edited)
	w.flag(`,"isTruncated":true`, f.cut)
	w.list(`,"rules":`, f.Rules)
	w.raw("}")
}

// flag writes a member that is there only if it is true.
func (w *jsonWriter) flag(member string, on bool) {
	if on {
		w.raw(member)
	}
}

func (w *jsonWriter) base64(name string, p []byte) {
	w.raw(name)
	if len(p) == 0 {
		w.raw("null")
		return
	}
	w.raw(`"`)
	w.text = base64.StdEncoding.AppendEncode(w.text, p)
	w.raw(`"`)
}

// closed writes a WebSocketCloseEvent.
func (w *jsonWriter) closed(it *item) {
	c := it.details.close
	w.connection(it.x)
	w.int(`,"code":`, int64(c.Code))
	w.str(`,"reason":`, c.Reason)
	w.int(`,"timestamp":`, it.details.at.UnixMilli())
	w.int(`,"frameCount":`, int64(c.Frames[0]+c.Frames[1])) //nolint:gosec // less than the frames of a lifetime
	w.int(`,"frames":[`, int64(c.Frames[0]))                //nolint:gosec // as above
	w.int(`,`, int64(c.Frames[1]))                          //nolint:gosec // as above
	w.str(`],"by":`, string(c.By))
	if c.Cause != "" {
		w.str(`,"cause":`, c.Cause)
	}
	w.raw("}")
}

// socketDone writes the last update of the exchange that opened a connection.
func (w *jsonWriter) socketDone(it *item) {
	w.id(`{"id":`, it.x.ID, "")
	w.int(`,"duration":`, it.details.close.Duration.Milliseconds())
	w.raw(`,"isComplete":true,"error":`)
	if it.details.close.Cause == "" {
		w.raw("null}")
		return
	}
	w.str("", brokenText(it.details.close))
	w.raw("}")
}

// openFailed writes a WebSocketErrorEvent for a connection that never was.
func (w *jsonWriter) openFailed(it *item) {
	w.socketError(it.x, it.x.Failure.Text, it.x.Started.Add(it.x.Duration).UnixMilli())
}

// broken writes a WebSocketErrorEvent for a connection that broke.
func (w *jsonWriter) broken(it *item) {
	w.socketError(it.x, brokenText(it.details.close), it.details.at.UnixMilli())
}

func (w *jsonWriter) socketError(x *traffic.Exchange, text string, at int64) {
	w.connection(x)
	w.str(`,"error":`, text)
	w.int(`,"timestamp":`, at)
	w.raw("}")
}

// brokenText says what ended a connection without a close frame.
func brokenText(c *traffic.WSClose) string {
	return "connection ended without a close frame: " + c.Cause + " (" + string(c.By) + ")"
}
