package record

import (
	"bytes"
	"encoding/hex"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// appendOpened appends the line of a handshake that opened a WebSocket
// connection.
func (e *encoder) appendOpened(dst []byte, x *traffic.Exchange) ([]byte, error) {
	dst = e.beginExchange(dst, TypeWSOpen, x)
	dst = appendPeers(dst, x)
	request := *x.Request
	request.URL = request.URL.WebSocket()
	dst, err := e.appendRequest(dst, memberRequest, &request, x.RequestBody, request.Trailer)
	if err == nil && x.Response != nil {
		dst, err = e.appendAnswer(dst, x)
	}
	if err == nil {
		dst, err = e.appendEdited(dst, x)
	}
	dst = appendAgreed(dst, e.agreed(x.WS))
	dst = appendList(dst, "rules", x.Rules)
	dst = appendList(dst, "tags", x.Tags)
	return append(dst, "}\n"...), err
}

// agreed returns ws, or a copy of it if a secret is in the subprotocol.
func (e *encoder) agreed(ws *traffic.WebSocket) *traffic.WebSocket {
	if e.redact == nil || ws == nil || ws.Subprotocol == "" {
		return ws
	}
	field := traffic.Field{Name: "Sec-WebSocket-Protocol", Value: ws.Subprotocol}
	clean := string(e.redact.appendField(nil, field, fieldProtocols))
	if clean == ws.Subprotocol {
		return ws
	}
	redacted := *ws
	redacted.Subprotocol = clean
	return &redacted
}

// appendAgreed appends what a handshake agreed on.
func appendAgreed(dst []byte, ws *traffic.WebSocket) []byte {
	if ws == nil {
		return dst
	}
	if ws.Subprotocol != "" {
		dst = appendMember(dst, "subprotocol", ws.Subprotocol)
	}
	before := `,"deflate":{"`
	first := before
	for dir, deflate := range ws.Deflate {
		if deflate == traffic.DeflateOff {
			continue
		}
		dst = append(dst, before...)
		dst = append(dst, traffic.Direction(dir).String()...)
		dst = append(dst, `":`...)
		dst = jsonenc.AppendText(dst, string(deflate))
		before = `,"`
	}
	if before != first {
		dst = append(dst, '}')
	}
	if ws.Opaque {
		dst = append(dst, `,"opaque":true`...)
	}
	if ws.Via != "" {
		dst = append(dst, `,"via":`...)
		dst = jsonenc.AppendText(dst, ws.Via)
	}
	return dst
}

// appendFrame appends the line of a frame.
func (e *encoder) appendFrame(dst []byte, f *traffic.Frame) ([]byte, error) {
	dst = e.begin(dst, TypeWSFrame)
	dst = appendUint(dst, `,"id":`, e.baseID+uint64(f.Exchange.ID))
	dst = appendUint(dst, `,"n":`, f.Seq)
	dst = e.when(dst, f.Last)
	dst = appendFrameHead(dst, f)
	dst, err := e.appendPayload(dst, f)
	dst = appendFrameFacts(dst, f)
	if f.Original != nil && err == nil {
		dst, err = e.appendOriginal(dst, f)
	}
	return append(dst, "}\n"...), err
}

// appendFrameHead appends what was in the head of a frame (RFC 6455 section 5.2).
func appendFrameHead(dst []byte, f *traffic.Frame) []byte {
	dst = append(dst, `,"dir":"`...)
	dst = append(dst, f.Dir.String()...)
	dst = appendUint(dst, `","opcode":`, uint64(f.Opcode))
	dst = appendFlag(dst, "fin", f.Fin)
	if f.RSV != 0 {
		dst = appendUint(dst, `,"rsv":`, uint64(f.RSV))
	}
	if f.Masked != masked(f.Dir) {
		dst = appendFlag(dst, "masked", f.Masked)
	}
	return appendUint(dst, `,"length":`, uint64(f.Length))
}

// appendFrameFacts appends what there is to say about a frame.
func appendFrameFacts(dst []byte, f *traffic.Frame) []byte {
	dst = appendList(dst, "anomalies", f.Anomalies)
	for _, flag := range [...]struct {
		name string
		set  bool
	}{{"injected", f.Injected}, {"dropped", f.Dropped}, {"edited", f.Edited}} {
		if flag.set {
			dst = appendFlag(dst, flag.name, true)
		}
	}
	return appendList(dst, "rules", f.Rules)
}

// masked reports whether frames of that direction have to be masked (RFC 6455
// section 5.1).
func masked(dir traffic.Direction) bool { return dir == traffic.ClientToServer }

// appendPayload appends the content of a frame.
func (e *encoder) appendPayload(dst []byte, f *traffic.Frame) ([]byte, error) {
	p := f.Payload
	whole := e.redact == nil || !isFragment(f)
	if !whole {
		p = e.redact.withoutShapes(e.fragments.append(nil, f, e.redact))
		e.final = true
	}
	content, err := e.storePayload(p, whole)
	if err != nil {
		return dst, err
	}
	size := content.size
	if f.Truncated {
		size = f.Size
	}
	return appendFrameContent(dst, f, content, size), nil
}

// appendFrameContent appends the content of a frame. Its size is there only where
// it is not plain from the length on the wire.
func appendFrameContent(dst []byte, f *traffic.Frame, content stored, size int64) []byte {
	if f.Inflated || f.Truncated || size != f.Length {
		dst = appendUint(dst, `,"size":`, uint64(size))
	}
	dst = content.append(dst)
	if f.Truncated {
		dst = appendFlag(dst, "truncated", true)
	}
	if len(f.SHA256) > 0 {
		dst = append(dst, `,"sha256":"`...)
		dst = hex.AppendEncode(dst, f.SHA256)
		dst = append(dst, '"')
	}
	return dst
}

// appendOriginal appends what an edit replaced.
func (e *encoder) appendOriginal(dst []byte, f *traffic.Frame) ([]byte, error) {
	content, err := e.storePayload(f.Original, true)
	if err != nil {
		return dst, err
	}
	return appendOriginal(dst, content, content.size), nil
}

func appendOriginal(dst []byte, content stored, size int64) []byte {
	dst = appendUint(dst, `,"original":{"size":`, uint64(size))
	return append(content.append(dst), '}')
}

// storePayload keeps the content of a frame, with its secrets replaced if it is
// whole. What a frame has is said nowhere, and most of them have JSON.
func (e *encoder) storePayload(p []byte, whole bool) (stored, error) {
	var g grammar
	if e.redact != nil && whole {
		g = jsonGrammar{}
	}
	if e.bodies.fits(int64(len(p))) {
		return e.bodies.inline(p, e.scanner(g)), nil
	}
	return e.bodies.store(bytes.NewReader(p), e.scanner(g))
}

// appendClosed appends the line of a WebSocket connection that has ended.
func (e *encoder) appendClosed(dst []byte, closed traffic.WSClosed) []byte {
	c := closed.Close
	e.fragments.forget(closed.Exchange.ID)
	dst = e.begin(dst, TypeWSClose)
	dst = appendUint(dst, `,"id":`, e.baseID+uint64(closed.Exchange.ID))
	dst = e.when(dst, closed.At())
	return append(appendEndOfConnection(dst, c), "}\n"...)
}

// appendEndOfConnection appends how a WebSocket connection ended.
func appendEndOfConnection(dst []byte, c *traffic.WSClose) []byte {
	dst = appendUint(dst, `,"code":`, uint64(max(0, c.Code)))
	dst = appendMember(dst, "reason", c.Reason)
	dst = appendMember(dst, "by", closedBy(c.By))
	if c.Cause != "" {
		dst = appendMember(dst, "cause", c.Cause)
	}
	dst = appendUint(dst, `,"frames":{"client-to-server":`, c.Frames[traffic.ClientToServer])
	dst = appendUint(dst, `,"server-to-client":`, c.Frames[traffic.ServerToClient])
	dst = append(dst, `},"ms":`...)
	return jsonenc.AppendMillis(dst, c.Duration)
}

// bySideServer is what the origin is called in a ws.close line: there, its side is
// that of the frames from server to client.
const bySideServer = "server"

func closedBy(side traffic.Side) string {
	if side == traffic.SideUpstream {
		return bySideServer
	}
	return string(side)
}

// appendFlag appends a member that is true or false.
func appendFlag(dst []byte, name string, value bool) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	if value {
		return append(dst, `":true`...)
	}
	return append(dst, `":false`...)
}
