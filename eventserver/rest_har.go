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
	har, err := s.opts.HAR(func(o traffic.Observer) { s.retell(sel, o) })
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
func (s *Server) retell(sel selection, to traffic.Observer) {
	s.catchUp()
	for _, id := range slices.Backward(s.history.ids()) {
		k, ok := s.history.get(id)
		if !ok {
			continue
		}
		if k.complete() && sel.has(&k) {
			k.retell(to)
		}
		k.release()
	}
}

func (k *kept) retell(to traffic.Observer) {
	to.Observe(traffic.RequestStarted{Exchange: k.x})
	if k.kind == itemOpen {
		to.Observe(traffic.WSOpened{Exchange: k.x})
		for _, kept := range k.socket.all() {
			f := kept.Frame
			f.Exchange, f.Truncated = k.x, kept.cut
			to.Observe(traffic.FrameSeen{Frame: &f})
		}
		to.Observe(k.ended())
		return
	}
	if k.x.Failure != nil {
		to.Observe(traffic.ExchangeAborted{Exchange: k.x})
		return
	}
	to.Observe(traffic.ExchangeDone{Exchange: k.x})
}

// ended returns the end of a connection; of one that is open still, an end by
// necto.
func (k *kept) ended() traffic.WSClosed {
	if k.socket != nil && k.socket.closed != nil {
		return traffic.WSClosed{Exchange: k.x, Close: k.socket.closed.Close}
	}
	return traffic.WSClosed{Exchange: k.x, Close: &traffic.WSClose{Code: 1006, By: traffic.SideNecto, Cause: causeShutdown}}
}
