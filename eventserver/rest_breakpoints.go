package eventserver

import (
	"encoding/json"
	"fmt"
	"net/http"

	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// breakpointEntry is a breakpoint of the rules files. Its name is its id.
type breakpointEntry struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Enabled bool           `json:"enabled"`
	Type    string         `json:"type"`
	Match   map[string]any `json:"match"`
	File    string         `json:"file"`
}

func (s *Server) listBreakpoints(w http.ResponseWriter, _ *http.Request) error {
	entries := []breakpointEntry{}
	if s.opts.Rules != nil {
		for _, b := range s.opts.Rules.Set().Breakpoints() {
			entries = append(entries, newBreakpointEntry(b))
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"breakpoints": entries})
}

func newBreakpointEntry(b *rules.Breakpoint) breakpointEntry {
	e := breakpointEntry{
		ID: b.Name, Name: b.Name, Enabled: b.Armed(), Type: string(b.On), Match: map[string]any{}, File: b.At.String(),
	}
	text, err := yaml.Marshal(&b.Match)
	if err == nil {
		_ = yaml.Unmarshal(text, &e.Match) // what was read as YAML can be written so
	}
	return e
}

func (s *Server) listHits(w http.ResponseWriter, _ *http.Request) error {
	hits := []json.RawMessage{}
	for _, h := range s.hits.all() {
		hits = append(hits, s.encodeHit(h))
		releaseHit(h)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"hits": hits})
}

// encodeHit writes a BreakpointHit with content in base64, as far as that is shown.
func (s *Server) encodeHit(h *traffic.Hit) []byte {
	d := &details{hit: h, request: contentOf(h.RequestBody), response: contentOf(h.ResponseBody)}
	return inline(&item{kind: itemHeld, x: h.Exchange, details: d, session: s.history.sessionOf(h.Exchange.ID)}, (*jsonWriter).hit)
}

// hitOf returns the hit that a request is about, to be released with releaseHit.
func (s *Server) hitOf(r *http.Request) (*traffic.Hit, error) {
	text := r.PathValue("id")
	if id, ok := parseHit(text); ok {
		if h := s.hits.get(id); h != nil {
			return h, nil
		}
	}
	return nil, fmt.Errorf("%w %.100q, or not any more", rules.ErrUnknownHit, text)
}

// getHit answers with a BreakpointHit and, as what edits it needs to know that, its
// header fields in the order of the wire.
func (s *Server) getHit(w http.ResponseWriter, r *http.Request) error {
	h, err := s.hitOf(r)
	if err != nil {
		return err
	}
	defer releaseHit(h)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(s.encodeHit(h), &members); err != nil {
		return err
	}
	members["requestFields"] = encodeValue(pairsOf(h.Request.Header)).text
	if h.Response != nil {
		members["responseFields"] = encodeValue(pairsOf(h.Response.Header)).text
	}
	return writeJSON(w, http.StatusOK, members)
}

func pairsOf(fields traffic.Fields) [][2]string {
	pairs := make([][2]string, len(fields))
	for i, f := range fields {
		pairs[i] = [2]string{f.Name, f.Value}
	}
	return pairs
}

func (s *Server) getHitBody(w http.ResponseWriter, r *http.Request) error {
	h, err := s.hitOf(r)
	if err != nil {
		return err
	}
	defer releaseHit(h)
	switch side := r.PathValue("side"); {
	case side == sideRequest && h.RequestBody != nil:
		return serveBody(w, h.RequestBody, h.Request.Header)
	case side == sideResponse && h.ResponseBody != nil:
		return serveBody(w, h.ResponseBody, h.Response.Header)
	default:
		return refuse(http.StatusNotFound, "the hit has no content of %.20q", side)
	}
}

// resumeHit ends a hit: see parseResume.
func (s *Server) resumeHit(w http.ResponseWriter, r *http.Request) error {
	o := map[string]any{}
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	resume, err := parseResume(o)
	if err != nil {
		return err
	}
	return s.endHit(w, r, resume)
}

func (s *Server) abortHit(w http.ResponseWriter, r *http.Request) error {
	return s.endHit(w, r, traffic.Resume{Action: traffic.ResumeAbort, By: "api"})
}

func (s *Server) endHit(w http.ResponseWriter, r *http.Request, resume traffic.Resume) error {
	if s.opts.Breakpoints == nil {
		return errUnavailable
	}
	id, ok := parseHit(r.PathValue("id"))
	if !ok {
		return fmt.Errorf("%w %.100q", rules.ErrUnknownHit, r.PathValue("id"))
	}
	if err := s.opts.Breakpoints.Resume(id, resume); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
