package eventserver

import (
	"bytes"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

var _ traffic.Observer = (*Server)(nil)

// previewMax is how much of a body or of a frame's payload is in an event, in
// bytes, content coding undone. REST has the rest.
const previewMax = 64 << 10

// Observe implements traffic.Observer. It never waits for a subscriber.
func (s *Server) Observe(e traffic.Event) {
	for _, n := range s.namespaces {
		n.observe(e)
	}
	switch t := e.(type) {
	case traffic.RequestStarted:
		s.note(e, weight{entry: true})
	case traffic.RequestDone:
		if t.RequestBody != nil {
			s.note(e, weight{})
		}
	case traffic.ResponseStarted, traffic.WSClosed:
		s.note(e, weight{})
	case traffic.ExchangeDone:
		s.noteEnd(e, t.Exchange)
	case traffic.ExchangeAborted:
		s.noteEnd(e, t.Exchange)
	case traffic.WSOpened:
		s.noteEnd(e, t.Exchange)
	case traffic.FrameSeen:
		f := keepFrame(t.Frame)
		s.note(f, weight{bytes: int64(len(f.Payload))})
	default:
		s.observeControl(e)
	}
}

// note adds a note to what is to be digested. It returns false if the Server is
// closed.
func (s *Server) note(note any, w weight) bool {
	full, ok := s.intake.put(note, w)
	if full {
		s.catchUp()
	}
	return ok
}

// noteEnd notes that everything about an exchange is known, whose content stays
// readable until history forgets it.
func (s *Server) noteEnd(e traffic.Event, x *traffic.Exchange) {
	keepContent(x)
	if !s.note(e, weight{}) {
		releaseContent(x)
	}
}

// short returns f as far as it is told.
func (f *frame) short() *frame {
	if len(f.Payload) <= previewMax {
		return f
	}
	return keepFrame(&f.Frame)
}

// keepFrame returns a copy of a frame as far as it is told.
func keepFrame(f *traffic.Frame) *frame {
	kept := &frame{Frame: *f}
	n := min(len(f.Payload), previewMax)
	kept.Payload = bytes.Clone(f.Payload[:n])
	kept.Rules = slices.Clone(f.Rules)
	kept.Original, kept.SHA256, kept.Anomalies = nil, nil, nil
	kept.cut = f.Truncated || n < len(f.Payload)
	return kept
}
