package eventserver

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// The number of frames that a list has.
const (
	usualFrames = 100
	mostFrames  = frameItems
)

// listFrames answers with the frames of a connection behind a number, or with the
// latest ones.
func (s *Server) listFrames(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, usualFrames, mostFrames)
	if err != nil {
		return err
	}
	k, err := s.exchangeOf(r)
	if err != nil {
		return err
	}
	defer k.release()
	total, lost := k.socket.total(), 0
	if k.socket != nil && s.opts.Recording == nil {
		lost = k.socket.lost
	}
	after := total - min(total, uint64(limit)) //nolint:gosec // is positive
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return errors.New("after is no number of a frame")
		}
	}
	list := []json.RawMessage{}
	err = s.eachFrame(&k, after, func(f *frame) bool {
		list = append(list, inline(&item{kind: itemFrame, session: k.session, x: k.x, frame: f.short()}, (*jsonWriter).frame))
		return len(list) < limit
	})
	if err != nil {
		return unreadable(err)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"frames": list, "total": total, "lost": lost})
}

// frameToSend is what a client says about a frame to be sent.
type frameToSend struct {
	Direction string  `json:"direction"`
	Data      *string `json:"data"`
	IsBinary  bool    `json:"isBinary"`
}

// injection returns the frame. Binary data are in base64.
func (f *frameToSend) injection() (traffic.Injection, error) {
	i := traffic.Injection{Opcode: traffic.OpText}
	switch f.Direction {
	case traffic.ClientToServer.String():
		i.Dir = traffic.ClientToServer
	case traffic.ServerToClient.String():
		i.Dir = traffic.ServerToClient
	default:
		return i, fmt.Errorf("direction is %.30q, neither client-to-server nor server-to-client", f.Direction)
	}
	if f.Data == nil {
		return i, errors.New("data is missing")
	}
	i.Payload = []byte(*f.Data)
	if f.IsBinary {
		i.Opcode = traffic.OpBinary
		var err error
		if i.Payload, err = base64.StdEncoding.DecodeString(*f.Data); err != nil {
			return i, errors.New("data is not base64, as isBinary says")
		}
	}
	return i, nil
}

// sendFrame sends a frame on a connection that is open.
func (s *Server) sendFrame(w http.ResponseWriter, r *http.Request) error {
	if s.opts.Frames == nil {
		return errUnavailable
	}
	var o frameToSend
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	i, err := o.injection()
	if err != nil {
		return err
	}
	k, err := s.exchangeOf(r)
	if err != nil {
		return err
	}
	defer k.release()
	if err := s.opts.Frames.Inject(k.x.ID, i); err != nil {
		return refuse(http.StatusConflict, "%w", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
