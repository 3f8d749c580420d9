package proxy

import (
	"crypto/rand"
	"errors"
	"sync"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// errInjection is for a traffic.Injection that no frame can be made of.
var errInjection = errors.New("only text, binary, ping and pong can be injected, and 125 bytes with the latter two")

// Inject sends a frame on the WebSocket connection that an exchange has opened,
// where a message ends, whether there is a filter or not. It returns
// traffic.ErrFramesClosed if there is no such connection, or as
// traffic.FrameWriter says.
func (p *Proxy) Inject(id traffic.ExchangeID, i traffic.Injection) error {
	ws := p.webSockets.get(id)
	if ws == nil {
		return traffic.ErrFramesClosed
	}
	return ws.Inject(i)
}

// webSockets are the open connections of a Proxy.
type webSockets struct {
	mu   sync.Mutex // guards open
	open map[traffic.ExchangeID]*webSocket
}

func (s *webSockets) add(ws *webSocket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[traffic.ExchangeID]*webSocket)
	}
	s.open[ws.x.ID] = ws
}

func (s *webSockets) remove(ws *webSocket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, ws.x.ID)
}

// get returns nil for none.
func (s *webSockets) get(id traffic.ExchangeID) *webSocket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

// Inject implements traffic.FrameWriter.
func (ws *webSocket) Inject(i traffic.Injection) error {
	control := i.Opcode == traffic.OpPing || i.Opcode == traffic.OpPong
	if !control && i.Opcode != traffic.OpText && i.Opcode != traffic.OpBinary || control && len(i.Payload) > wsframe.MaxControlPayload {
		return errInjection
	}
	if ws.filter != nil {
		return ws.filter.out[i.Dir].inject(i)
	}
	return ws.halves[i.Dir].inject(i)
}

// inject sends a frame in a direction that nobody filters, once no message is
// open.
func (h *wsHalf) inject(i traffic.Injection) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	h.ws.mu.Lock()
	now := h.tap.betweenMessages()
	closed := h.ended || h.tap.blind || h.tap.closed || h.ws.x.WS.Opaque
	if !now && !closed {
		h.waiting = append(h.waiting, i)
	}
	h.ws.mu.Unlock()
	switch {
	case closed:
		return traffic.ErrFramesClosed
	case now:
		return h.injectNow(i)
	default:
		return nil
	}
}

// injectNow sends a frame. Like what arrives it is shown to the tap, which tells
// of it.
func (h *wsHalf) injectNow(i traffic.Injection) error {
	wire := appendInjection(nil, i)
	h.ws.mu.Lock()
	h.tap.injected = &i
	h.ws.mu.Unlock()
	h.arrived(wire)
	_, err := h.dst.Write(wire)
	if err == nil {
		h.passed()
	}
	h.ws.mu.Lock()
	defer h.ws.mu.Unlock()
	h.unseen, h.tap.injected = nil, nil
	return err
}

// appendInjection appends the frame that is to be sent.
func appendInjection(dst []byte, i traffic.Injection) []byte {
	header := wsframe.Header{Fin: true, Opcode: uint8(i.Opcode), Masked: i.Dir == traffic.ClientToServer}
	if header.Masked {
		_, _ = rand.Read(header.Key[:]) // never fails
	}
	return wsframe.AppendFrame(dst, header, i.Payload)
}

// passAround passes on what was read, with the frames that wait where a message
// ends.
func (h *wsHalf) passAround(p []byte) error {
	for {
		waiting, n := h.untilBoundary(len(p))
		for _, i := range waiting {
			if err := h.injectNow(i); err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
		h.arrived(p[:n])
		if _, err := h.dst.Write(p[:n]); err != nil {
			return err
		}
		h.passed()
		p = p[n:]
	}
}

// untilBoundary returns what can be injected before the next n bytes, and how
// many of these to pass on until that is to be asked again.
func (h *wsHalf) untilBoundary(n int) ([]traffic.Injection, int) {
	h.ws.mu.Lock()
	defer h.ws.mu.Unlock()
	h.unseen = nil // it is shown in pieces
	if h.tap.betweenMessages() || h.tap.blind || h.tap.closed {
		waiting := h.waiting
		h.waiting = nil
		if h.tap.blind || h.tap.closed {
			waiting = nil
		}
		return waiting, n
	}
	// Of a header its bytes come one by one: few, and seldom.
	return nil, int(min(int64(n), max(1, h.tap.parser.Left())))
}
