package eventserver

import (
	"io"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// getHAR answers with the exchanges selected as a HAR.
func (s *Server) getHAR(w http.ResponseWriter, r *http.Request) error {
	if s.opts.HAR == nil {
		return errUnavailable
	}
	sel, err := s.selectionOf(r)
	if err != nil {
		return err
	}
	har, err := s.opts.HAR(func(o traffic.Observer) error { return s.retell(sel, o) })
	if err != nil {
		return refuse(http.StatusInternalServerError, "write the HAR: %w", err)
	}
	defer har.Close()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="necto.har"`)
	if _, err := io.Copy(w, har); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// retell tells the events of the exchanges selected that have ended, and of
// WebSocket connections with the frames that are kept, the oldest first.
func (s *Server) retell(sel selection, to traffic.Observer) error {
	s.catchUp()
	var ids []traffic.ExchangeID
	err := s.descending(sel.before, func(id traffic.ExchangeID) bool {
		ids = append(ids, id)
		return true
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Backward(ids) {
		k, ok, err := s.find(id)
		if err != nil {
			return err
		}
		if ok && k.complete() && sel.has(&k) {
			err = s.retellOne(&k, to)
		}
		if k.release(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) retellOne(k *kept, to traffic.Observer) error {
	to.Observe(traffic.RequestStarted{Exchange: k.x})
	switch {
	case k.kind == itemOpen:
		to.Observe(traffic.WSOpened{Exchange: k.x})
		err := s.eachFrame(k, 0, func(kept *frame) bool {
			f := kept.Frame
			f.Exchange, f.Truncated = k.x, kept.cut
			to.Observe(traffic.FrameSeen{Frame: &f})
			return true
		})
		to.Observe(k.ended())
		return err
	case k.x.Failure != nil:
		to.Observe(traffic.ExchangeAborted{Exchange: k.x})
	default:
		to.Observe(traffic.ExchangeDone{Exchange: k.x})
	}
	return nil
}

// ended returns the end of a connection; of one that is open still, an end by
// necto.
func (k *kept) ended() traffic.WSClosed {
	if k.socket != nil && k.socket.closed != nil {
		return traffic.WSClosed{Exchange: k.x, Close: k.socket.closed.Close}
	}
	return traffic.WSClosed{Exchange: k.x, Close: &traffic.WSClose{Code: 1006, By: traffic.SideNecto, Cause: causeShutdown}}
}
