package eventserver

import (
	"github.com/necto-dev/necto/eventserver/mockttp"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// mockttpNamespace is where the events of Mockttp are.
const mockttpNamespace = "/mockttp"

// addMockttp opens the namespace.
func (s *Server) addMockttp() {
	s.addNamespace(mockttpNamespace, func(to *namespace) traffic.Observer {
		s.mockttp = mockttp.New(mockttp.Options{
			ID: func(id traffic.ExchangeID) string {
				return string(appendEntryID(nil, s.history.sessionOf(id).id, id))
			},
			Publish: func(e *mockttp.Event) { to.publish(s.publicationOf(e)) },
		})
		to.known = func(name string) bool {
			_, known := mockttp.ParseKind(name)
			return known
		}
		to.changed = func() { s.mockttp.Want(wantedKinds(to)) }
		return s.mockttp
	})
}

// WantsBodyChunks reports whether a client wants traffic.BodyChunk events: it is
// proxy.Options.BodyChunks.
func (s *Server) WantsBodyChunks() bool { return s.mockttp.WantsBodyData() }

// WantsTunnelData reports whether a client wants traffic.TunnelData events: it is
// proxy.Options.TunnelData.
func (s *Server) WantsTunnelData() bool { return s.mockttp.WantsTunnelData() }

// wantedKinds returns what clients of the namespace want together.
func wantedKinds(n *namespace) mockttp.Set {
	var set mockttp.Set
	for _, k := range mockttp.Kinds() {
		if n.wants(k.String()) {
			set |= mockttp.SetOf(k)
		}
	}
	return set
}

// publicationOf returns an event as the namespace takes it.
func (s *Server) publicationOf(e *mockttp.Event) publication {
	return publication{
		name: e.Kind.String(), cost: e.Cost(), release: e.Release,
		encode: func() encoded {
			p := e.Encode()
			return encoded{text: p.Text, holes: p.Holes, attachments: p.Attachments}
		},
		subject: func() *filter.Subject { return s.subjectOf(e) },
	}
}

// subjectOf returns what filters look at.
func (s *Server) subjectOf(e *mockttp.Event) *filter.Subject {
	about := e.Subject()
	subject := &filter.Subject{
		Exchange: about.Exchange, Pending: about.Pending, Frame: about.Message, Close: about.Close,
		Tunnel: about.Tunnel, TLSFailed: about.TLSFailed, Content: e.Content,
	}
	if x := about.Exchange; x != nil {
		subject.Session = s.history.sessionOf(x.ID).id
	}
	return subject
}
