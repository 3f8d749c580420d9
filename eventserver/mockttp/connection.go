package mockttp

import (
	"github.com/oklog/ulid/v2"

	"github.com/necto-dev/necto/traffic"
)

// observeConnection tells of what belongs to no exchange.
func (m *Mapper) observeConnection(e traffic.Event) {
	switch e := e.(type) {
	case traffic.TLSFailed:
		m.publish(&Event{
			Kind: TLSClientError, At: e.Time, subject: Subject{TLSFailed: &e},
			encode: func(w *writer) { w.tlsClientError(m.clock, &e) },
		})
	case traffic.ClientError:
		id := newID()
		m.publish(&Event{
			Kind: ClientError, At: e.Time, cost: int64(len(e.Head)),
			encode: func(w *writer) { w.clientError(m.clock, id, &e) },
		})
	case traffic.TunnelOpened:
		k := RawPassthroughOpened
		if isTLS(e.Tunnel) {
			k = TLSPassthroughOpened
		}
		m.publish(m.tunnelEvent(k, e, e.Tunnel))
	case traffic.TunnelData:
		if !isTLS(e.Tunnel) {
			m.tunnelData(e)
		}
	case traffic.TunnelClosed:
		k := RawPassthroughClosed
		if isTLS(e.Tunnel) {
			k = TLSPassthroughClosed
		}
		m.publish(m.tunnelEvent(k, e, e.Tunnel))
		delete(m.tunnels, e.Tunnel)
	default: // Mockttp has no event for it
	}
}

// isTLS reports whether a tunnel began with a client's hello.
func isTLS(t *traffic.Tunnel) bool { return t.SNI != "" || t.JA3 != "" }

// newID returns the id of something that is not an exchange.
func newID() string { return ulid.Make().String() }

// tunnelID returns the id of a tunnel.
func (m *Mapper) tunnelID(t *traffic.Tunnel) string {
	id := m.tunnels[t]
	if id == "" {
		id = newID()
		m.tunnels[t] = id
	}
	return id
}

func (m *Mapper) tunnelEvent(k Kind, e traffic.Event, t *traffic.Tunnel) *Event {
	id := m.tunnelID(t)
	_, closed := e.(traffic.TunnelClosed)
	return &Event{
		Kind: k, At: e.At(), subject: Subject{Tunnel: t},
		encode: func(w *writer) { w.tunnel(m.clock, id, t, closed) },
	}
}

func (m *Mapper) tunnelData(e traffic.TunnelData) {
	if !m.wantsAny(RawPassthroughData) {
		return
	}
	id, data := m.tunnelID(e.Tunnel), append([]byte(nil), e.Data...)
	m.publish(&Event{
		Kind: RawPassthroughData, At: e.Time, subject: Subject{Tunnel: e.Tunnel}, cost: int64(len(data)),
		encode: func(w *writer) { w.tunnelData(m.clock, id, e.Dir, e.Time, data) },
	})
}
