package record

import (
	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// selection decides what is written. The zero value lets everything through.
type selection struct {
	filter  *filter.Filter
	protos  *protoset.Set
	sockets map[traffic.ExchangeID]*openSocket
}

// openSocket is a WebSocket connection under a filter. Its ws.open line is written
// with the first thing that the filter lets through.
type openSocket struct {
	x       *traffic.Exchange
	written bool
}

func newSelection(f *filter.Filter, protos *protoset.Set) selection {
	return selection{filter: f, protos: protos, sockets: map[traffic.ExchangeID]*openSocket{}}
}

// wants reports whether the filter lets something through.
func (s *selection) wants(subject *filter.Subject) bool {
	return s.filter == nil || s.filter.Match(subject)
}

// wantsExchange reports whether an exchange that has ended is written.
func (s *selection) wantsExchange(x *traffic.Exchange) bool {
	return s.filter == nil || s.filter.Match(s.subjectOf(x))
}

// wantsPending reports whether an exchange that goes on is written. Of what the
// filter looks at there may be only a part.
func (s *selection) wantsPending(x *traffic.Exchange) bool {
	if s.filter == nil {
		return true
	}
	begun := &traffic.Exchange{
		ID: x.ID, Conn: x.Conn, Started: x.Started, Client: x.Client, TLS: x.TLS, Request: x.Request,
		RequestDone: -1, ResponseStarted: -1,
	}
	return s.filter.Match(&filter.Subject{Exchange: begun, Pending: true})
}

// subjectOf returns what a filter looks at.
func (s *selection) subjectOf(x *traffic.Exchange) *filter.Subject {
	return &filter.Subject{Exchange: x, Content: s.protos.Content(x, func(dir traffic.Direction) []byte {
		if dir == traffic.ClientToServer {
			return decodedContent(x.RequestBody, x.Request.Header)
		}
		if x.Response == nil {
			return nil
		}
		return decodedContent(x.ResponseBody, x.Response.Header)
	})}
}

// decodedContent returns content with its content coding undone, as far as that is
// possible, and at most 16 MiB of it.
func decodedContent(b *traffic.Body, header traffic.Fields) []byte {
	if b == nil {
		return nil
	}
	codings := coding.Parse(header.Values("Content-Encoding"))
	if _, _, done := b.Decoded(); done {
		codings = nil
	}
	content, _ := coding.Decoded(codings, b.Open(), coding.MaxDecoded) // what can be read counts
	return content
}

// opened notes a connection and reports whether its ws.open line is written now.
func (s *selection) opened(x *traffic.Exchange) bool {
	if s.filter == nil {
		return true
	}
	socket := &openSocket{x: x, written: s.filter.Match(s.subjectOf(x))}
	s.sockets[x.ID] = socket
	return socket.written
}

// frame reports whether a frame is written, and returns the exchange whose ws.open
// line has to come first, nil if it is there.
func (s *selection) frame(f *traffic.Frame) (first *traffic.Exchange, write bool) {
	if s.filter == nil {
		return nil, true
	}
	if !s.filter.Match(&filter.Subject{Exchange: f.Exchange, Frame: f}) {
		return nil, false
	}
	return s.begin(f.Exchange.ID), true
}

// closed is frame for the end of a connection: it is written if anything of the
// connection was.
func (s *selection) closed(e traffic.WSClosed) (first *traffic.Exchange, write bool) {
	if s.filter == nil {
		return nil, true
	}
	socket := s.sockets[e.Exchange.ID]
	if socket == nil {
		return nil, false
	}
	if !socket.written && s.filter.Match(&filter.Subject{Exchange: e.Exchange, Close: e.Close}) {
		first = s.begin(e.Exchange.ID)
	}
	delete(s.sockets, e.Exchange.ID)
	return first, socket.written
}

// begin returns the exchange of a connection whose ws.open line is missing, which
// it is no longer after that.
func (s *selection) begin(id traffic.ExchangeID) *traffic.Exchange {
	socket := s.sockets[id]
	if socket == nil || socket.written {
		return nil
	}
	socket.written = true
	return socket.x
}
