package eventserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/necto-dev/necto/rules"
)

// maxRequest is how much a client may send: see maxMessage.
const maxRequest = maxMessage

// restError is an error with the status it is answered with.
type restError struct {
	status int
	err    error
}

func (e *restError) Error() string { return e.err.Error() }
func (e *restError) Unwrap() error { return e.err }

// refuse returns an error with a status.
func refuse(status int, format string, args ...any) error {
	return &restError{status, fmt.Errorf(format, args...)}
}

// handleREST adds the routes of the REST API, which openapi.yaml describes.
func (s *Server) handleREST() {
	for pattern, fn := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /healthz":                               s.getHealth,
		"GET /api/status":                            s.getStatus,
		"GET /api/openapi.yaml":                      s.getOpenAPI,
		"GET /api/traffic":                           s.listTraffic,
		"DELETE /api/traffic":                        s.clearTraffic,
		"GET /api/traffic/{id}":                      s.getTraffic,
		"GET /api/traffic/{id}/body/{side}":          s.getBody,
		"GET /api/sessions":                          s.listSessions,
		"POST /api/sessions":                         s.createSession,
		"GET /api/sessions/{id}":                     s.getSession,
		"PATCH /api/sessions/{id}":                   s.renameSession,
		"DELETE /api/sessions/{id}":                  s.deleteSession,
		"POST /api/sessions/{id}/activate":           s.activateSession,
		"GET /api/rules":                             s.listRules,
		"POST /api/rules/reorder":                    s.reorderRules,
		"GET /api/rules/{id}":                        s.getRule,
		"PATCH /api/rules/{id}":                      s.switchRule,
		"GET /api/breakpoints":                       s.listBreakpoints,
		"GET /api/breakpoints/hits":                  s.listHits,
		"GET /api/breakpoints/hits/{id}":             s.getHit,
		"GET /api/breakpoints/hits/{id}/body/{side}": s.getHitBody,
		"POST /api/breakpoints/hits/{id}/resume":     s.resumeHit,
		"POST /api/breakpoints/hits/{id}/abort":      s.abortHit,
		"GET /api/websocket/{id}/frames":             s.listFrames,
		"POST /api/websocket/{id}/send":              s.sendFrame,
		"GET /api/har":                               s.getHAR,
	} {
		s.mux.Handle(pattern, answering(fn))
	}
	s.mux.Handle("GET /metrics", s.metrics.handler())
}

// answering makes a handler of a function whose errors are answered as problems.
func answering(fn func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if err := fn(w, r); err != nil {
			writeProblem(w, statusOf(err), err.Error())
		}
	})
}

// statusOf returns the status that an error is answered with.
func statusOf(err error) int {
	var rest *restError
	switch {
	case errors.As(err, &rest):
		return rest.status
	case errors.Is(err, ErrUnknownSession), errors.Is(err, rules.ErrUnknownRule), errors.Is(err, rules.ErrUnknownHit):
		return http.StatusNotFound
	case errors.Is(err, ErrActiveSession), errors.Is(err, errUnavailable):
		return http.StatusConflict
	case errors.Is(err, rules.ErrResumed):
		return http.StatusGone
	}
	return http.StatusBadRequest
}

// problems answers what the mux has no handler for in the way of all others.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refused := &statusWriter{header: w.Header()}
		h.ServeHTTP(refused, r)
		writeProblem(w, refused.status, r.Method+" "+r.URL.Path+" is not a part of the API: see /api/openapi.yaml")
	})
}

// statusWriter keeps the status and the header of an answer.
type statusWriter struct {
	header http.Header
	status int
}

func (w *statusWriter) Header() http.Header         { return w.header }
func (w *statusWriter) WriteHeader(status int)      { w.status = status }
func (w *statusWriter) Write(p []byte) (int, error) { return len(p), nil }

// writeJSON answers with v, which encoding/json knows to encode.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the client has left otherwise
	return nil
}

// readJSON reads the content of a request into v. None is that of no member.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, "the request has more than %d bytes", tooLong.Limit)
	}
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "the Content-Type is not application/json")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}

// limitOf reads the query parameter limit.
func limitOf(r *http.Request, usual, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("limit is %.20q, not a number from 1 to %d", text, most)
	}
	return n, nil
}
