package eventserver

import (
	"io"
	"net/http"
	"strconv"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// The parts of a message that have content.
const (
	sideRequest  = "request"
	sideResponse = "response"
)

func (s *Server) getBody(w http.ResponseWriter, r *http.Request) error {
	k, err := s.exchangeOf(r)
	if err != nil {
		return err
	}
	defer k.release()
	switch side := r.PathValue("side"); {
	case side == sideRequest && k.request() != nil:
		return serveBody(w, k.request(), k.x.Request.Header)
	case side == sideResponse && k.response() != nil:
		return serveBody(w, k.response(), k.x.Response.Header)
	case side != sideRequest && side != sideResponse:
		return refuse(http.StatusNotFound, "%.20q is neither request nor response", side)
	default:
		return refuse(http.StatusNotFound, "the %s has no content, or not yet", side)
	}
}

// serveBody answers with captured content, its content coding undone if that is
// possible. It may be what an attacker has written: nothing in it is run.
func serveBody(w http.ResponseWriter, b *traffic.Body, header traffic.Fields) error {
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Type", "application/octet-stream")
	if kind := header.Get("Content-Type"); kind != "" {
		h.Set("Content-Type", kind)
	}
	if b.Truncated() {
		h.Set("Necto-Truncated", "true")
	}
	codings := coding.Parse(header.Values("Content-Encoding"))
	if _, _, decoded := b.Decoded(); decoded {
		codings = nil
	}
	if len(codings) == 0 {
		if _, length, decoded := b.Decoded(); !b.Truncated() && !decoded {
			h.Set("Content-Length", strconv.FormatInt(b.Size(), 10))
		} else if !b.Truncated() {
			h.Set("Content-Length", strconv.FormatInt(length, 10))
		}
		return copyBody(w, b.Open())
	}
	plain, err := coding.Decode(codings, b.Open(), coding.MaxDecoded)
	if err != nil {
		for _, field := range header.Values("Content-Encoding") {
			h.Add("Content-Encoding", field) // whoever asks may know how to undo it
		}
		return copyBody(w, b.Open())
	}
	defer plain.Close()
	return copyBody(w, plain)
}

// copyBody answers with content. What cannot be read breaks the answer off, so that
// nobody takes it for the whole.
func copyBody(w http.ResponseWriter, from io.Reader) error {
	if _, err := io.Copy(w, from); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
