package mockttp

import (
	"io"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const (
	// patience is how long something is kept back at most: pieces of a body, to
	// be joined with those that follow at once, and a request, to know its rule.
	patience = 20 * time.Millisecond
	// maxPiece is how much of a body is kept back, in bytes.
	maxPiece = 256 << 10
)

// stream is the content of a request or response as it passes.
type stream struct {
	told  bool // of a piece
	data  []byte
	first time.Time // when the first byte of data was read, zero without
}

// dataKind has the event for the content of each traffic.Direction.
var dataKind = [2]Kind{RequestBodyData, ResponseBodyData}

func (m *Mapper) bodyChunk(e *exchange, c traffic.BodyChunk) {
	if !m.wantsAny(dataKind[c.Dir]) {
		return
	}
	if c.Dir == traffic.ServerToClient {
		m.letGo(e)
	}
	s := &e.streams[c.Dir]
	s.told = true
	if len(s.data) > 0 && (c.Time.Sub(s.first) >= patience || len(s.data)+len(c.Data) > maxPiece) {
		m.flush(e, c.Dir, false, c.Time)
	}
	if len(s.data) == 0 {
		s.first = c.Time
	}
	s.data = append(s.data, c.Data...)
	m.delay(e)
}

// flush tells of the piece that is kept back, and of the end of the content at a
// time. If neither is there, it does nothing.
func (m *Mapper) flush(e *exchange, dir traffic.Direction, end bool, at time.Time) {
	s := &e.streams[dir]
	data := s.data
	if len(data) == 0 && !end {
		return
	}
	if !end {
		at = s.first
	}
	s.data = nil
	if !m.wantsAny(dataKind[dir]) {
		return
	}
	event := e.event(dataKind[dir], at, func(w *writer, s *state) {
		w.bodyData(s, bodyData{data: data, end: end, at: at})
	})
	event.cost = int64(len(data))
	m.publish(event)
}

// endStream tells of the end of the content at a time, if whole says that it is
// one. A body of which no piece was told is told now, in the pieces that a
// recording remembers.
func (m *Mapper) endStream(e *exchange, dir traffic.Direction, body *traffic.Body, whole bool, end time.Time) {
	if e.streams[dir].told || body == nil || body.Size() == 0 || !m.wantsAny(dataKind[dir]) {
		m.flush(e, dir, whole, end)
		return
	}
	pieces := piecesOf(body)
	for i, p := range pieces {
		p.at = e.x.Started.Add(p.since)
		if i == len(pieces)-1 {
			p.at, p.end = end, whole
		}
		m.tell(e, dataKind[dir], p.at, func(w *writer, s *state) { w.bodyData(s, p) }, body)
	}
}

// bodyData is a piece of content, in data or in body.
type bodyData struct {
	data     []byte
	body     *traffic.Body
	from, to int64         // of body; to is -1 for all of it
	since    time.Duration // since the exchange started, of a piece of body
	at       time.Time
	end      bool
}

// piecesOf returns the pieces in which a body came: one, unless it is known, and
// all of it is there as it passed.
func piecesOf(body *traffic.Body) []bodyData {
	chunks := body.Chunks()
	codings, _, _ := body.Decoded()
	if len(chunks) == 0 || codings != "" || body.Truncated() {
		return []bodyData{{body: body, to: -1}}
	}
	var pieces []bodyData
	for _, c := range chunks {
		n := len(pieces)
		if n > 0 && c.At-pieces[n-1].since < patience && pieces[n-1].to+c.Size-pieces[n-1].from <= maxPiece {
			pieces[n-1].to += c.Size
			continue
		}
		p := bodyData{body: body, since: c.At}
		if n > 0 {
			p.from = pieces[n-1].to
		}
		p.to = p.from + c.Size
		pieces = append(pieces, p)
	}
	return pieces
}

// content returns the piece, and whether it is only the beginning.
func (p *bodyData) content() (data []byte, cut bool) {
	switch {
	case p.body == nil:
		return p.data, false
	case p.to < 0:
		return contentOf(p.body)
	}
	r := p.body.Open()
	if _, err := io.CopyN(io.Discard, r, p.from); err != nil {
		return nil, true
	}
	data, _ = readContent(r, p.to-p.from)
	return data, int64(len(data)) < p.to-p.from
}

// delay lets what is kept back of an exchange go out in a moment.
func (m *Mapper) delay(e *exchange) {
	if !e.due.IsZero() {
		return
	}
	e.due = time.Now().Add(patience)
	if len(m.late) == 0 {
		m.timer.Reset(patience)
	}
	m.late[e] = struct{}{}
}

// tick lets go out what was kept back long enough.
func (m *Mapper) tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var next time.Time
	for e := range m.late {
		if e.due.After(now) {
			if next.IsZero() || e.due.Before(next) {
				next = e.due
			}
			continue
		}
		delete(m.late, e)
		e.due = time.Time{}
		m.letGo(e)
		m.flush(e, traffic.ClientToServer, false, now)
		m.flush(e, traffic.ServerToClient, false, now)
	}
	if !next.IsZero() {
		m.timer.Reset(next.Sub(now))
	}
}
