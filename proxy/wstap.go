package proxy

import (
	"log/slog"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// wsTap tells the observer of each frame that passed in one direction. It is
// used under the mutex of the connection.
type wsTap struct {
	half    *wsHalf
	parser  wsframe.Parser
	decoder *wsframe.Decoder
	arrived time.Time // when what is fed next was read
	blind   bool      // frames cannot be found any more
	frame   traffic.Frame
	content *frameContent // of frame; nil between frames

	open     bool               // a message has begun and not ended
	closed   bool               // there was a close frame
	injected *traffic.Injection // what the bytes fed now are of, nil if they were read
}

func (t *wsTap) init(h *wsHalf, ext wsframe.Extensions) {
	t.half = h
	t.decoder = wsframe.NewDecoder(h.dir, ext, t)
}

// feed looks at bytes that were passed on.
func (t *wsTap) feed(p []byte) {
	if err := t.parser.Feed(p, t.arrived, t.decoder); err != nil && !t.blind {
		t.blind = true
		t.log().Warn("websocket frames cannot be told apart from here", "err", err)
	}
}

// betweenMessages reports whether a message could begin now.
func (t *wsTap) betweenMessages() bool { return !t.open && !t.parser.MidFrame() && !t.blind }

func (t *wsTap) markInjected() {
	t.frame.Injected = true
	if t.injected.Rule != "" {
		t.frame.Rules = []string{t.injected.Rule}
	}
}

// release gives back what is held for a frame that was not completed.
func (t *wsTap) release() {
	t.decoder.Release()
	if t.content != nil {
		t.content.release()
	}
	if t.parser.MidFrame() && !t.blind {
		t.log().Warn("websocket connection ended inside a frame")
	}
}

// log says which direction of which connection it is about.
func (t *wsTap) log() *slog.Logger {
	x := t.half.ws.x
	return x.c.p.log.With("exchange", x.ID, "host", x.Request.URL.Authority, "dir", t.half.dir.String())
}

// FrameStart begins a frame.
func (t *wsTap) FrameStart(h wsframe.Header, at time.Time) {
	t.content = newFrameContent(t.half.ws.x.c.p.opts.MaxBody)
	t.frame = traffic.Frame{
		Exchange: &t.half.ws.x.Exchange, First: at, Dir: t.half.dir,
		Opcode: traffic.Opcode(h.Opcode), Fin: h.Fin, RSV: h.RSV, Masked: h.Masked, Length: h.Length,
	}
}

// FrameContent keeps a piece of the frame's content.
func (t *wsTap) FrameContent(p []byte) { t.content.add(p) }

// FrameEnd tells the observer.
func (t *wsTap) FrameEnd(end wsframe.FrameEnd) {
	ws, f := t.half.ws, &t.frame
	f.Last = end.At
	f.Inflated = end.Inflated
	f.Size = f.Length
	if end.Inflated {
		f.Size = t.content.size
	}
	f.Payload, f.SHA256 = t.content.bytes()
	f.Truncated = f.SHA256 != nil
	f.Anomalies = end.Anomalies.Texts()
	if t.injected != nil {
		t.markInjected()
	} else if f.Opcode <= traffic.OpBinary {
		t.open = !f.Fin
	}
	t.closed = t.closed || f.Opcode == traffic.OpClose
	if f.Opcode == traffic.OpClose && ws.closing.by == "" {
		ws.closing.code, ws.closing.reason, ws.closing.by = end.CloseCode, end.CloseReason, t.half.from
	}
	ws.count(f)
	t.content.release()
	t.content = nil
}
