package ports

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// openAPI describes the calls.
//
//go:embed openapi.yaml
var openAPI []byte

// maxRequest is how long the content of a request may be, in bytes.
const maxRequest = 1 << 20

// Handlers returns the REST API of a Pool, by patterns of an http.ServeMux. Errors are
// application/problem+json (RFC 9457), but for those of 9Proxy's calls. Who may call
// is for the server to decide.
func (p *Pool) Handlers() map[string]http.Handler {
	handlers := map[string]http.Handler{}
	for pattern, fn := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/openapi.yaml":        getOpenAPI,
		"GET /v1/ports":               p.listPorts,
		"GET /v1/ports/{port}":        p.getPort,
		"POST /v1/ports/{port}":       p.postPort,
		"DELETE /v1/ports/{port}":     p.deletePort,
		"PUT /v1/ports/{port}/config": p.putConfig,
		"POST /v1/forward":            p.postForward,
		"POST /v1/restore":            p.postRestore,
	} {
		handlers[pattern] = answering(fn)
	}
	for pattern, fn := range map[string]func(*http.Request) (answer, error){
		"GET /api/port_check":     p.portCheck,
		"GET /api/port_status":    p.portStatus,
		"GET /api/set_port_range": p.setPortRange,
		"GET /api/port_free":      p.portFree,
	} {
		handlers[pattern] = answeringAs9Proxy(fn)
	}
	return handlers
}

// problem is an error as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// answering turns errors into problems.
func answering(fn func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if err := fn(w, r); err != nil {
			status := statusOf(err)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			// A client that has left does not take it.
			_ = json.NewEncoder(w).Encode(problem{"about:blank", http.StatusText(status), status, err.Error()})
		}
	})
}

// statusOf returns the status code for an error.
func statusOf(err error) int {
	var open *OpenError
	switch {
	case errors.Is(err, ErrNotInUse), errors.Is(err, ErrUnknownCandidate):
		return http.StatusNotFound
	case !errors.As(err, &open):
		return http.StatusBadRequest
	}
	switch open.Code {
	case CodeBusy, CodeNoPort, CodeNoCandidate:
		return http.StatusConflict
	case CodeDial:
		return http.StatusBadGateway
	default:
		return http.StatusBadRequest
	}
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the client has left otherwise
	return nil
}

// readContent returns the content of a request, which is JSON.
func readContent(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	// It makes pages of other sites ask before they send it.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); len(text) > 0 && (err != nil || kind != "application/json") {
		return nil, errors.New("the Content-Type is not application/json")
	}
	return text, nil
}

// portOf returns the port that the path of a request names.
func portOf(r *http.Request) (int, error) {
	text := r.PathValue("port")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPort {
		return 0, fmt.Errorf("%.20q is no port", text)
	}
	return n, nil
}

func getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // the client has left otherwise
	return nil
}

// portList is the answer to GET /v1/ports.
type portList struct {
	Range
	Ports []Status `json:"ports"`
}

func (p *Pool) listPorts(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, portList{p.Range(), p.Statuses()})
}

func (p *Pool) getPort(w http.ResponseWriter, r *http.Request) error {
	number, err := portOf(r)
	if err != nil {
		return err
	}
	status, err := p.Status(number)
	if err != nil {
		return err
	}
	return writeJSON(w, status)
}

// leadRequest is the content of POST /v1/ports/{port}.
type leadRequest struct {
	RequestID string          `json:"request_id"`
	Candidate string          `json:"candidate"`
	Binding   json.RawMessage `json:"binding"`
}

func (p *Pool) postPort(w http.ResponseWriter, r *http.Request) error {
	number, err := portOf(r)
	if err != nil {
		return err
	}
	var o leadRequest
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	result, err := p.leadOrBind(r.Context(), number, &o)
	if err != nil {
		return err
	}
	if len(result.Errors) > 0 {
		return result.Errors[0]
	}
	return p.getPort(w, r)
}

// leadOrBind does what POST /v1/ports/{port} asks for.
func (p *Pool) leadOrBind(ctx context.Context, number int, o *leadRequest) (Result, error) {
	if (o.Candidate == "") == (o.Binding == nil) {
		return Result{}, errors.New("there is to be one of candidate and binding")
	}
	if o.Candidate != "" {
		return p.Lead(ctx, o.RequestID, number, o.Candidate)
	}
	b, err := p.config.parseRequested("binding", o.Binding)
	if err != nil {
		return Result{}, err
	}
	return p.Bind(ctx, o.RequestID, number, b)
}

// readJSON reads the content of a request into v, which unknown members do not fit.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	text, err := readContent(w, r)
	if err != nil || len(text) == 0 {
		return err
	}
	return unmarshalStrict(text, v)
}

func (p *Pool) deletePort(w http.ResponseWriter, r *http.Request) error {
	number, err := portOf(r)
	if err != nil {
		return err
	}
	if err := p.Remove(number); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (p *Pool) putConfig(w http.ResponseWriter, r *http.Request) error {
	number, err := portOf(r)
	if err != nil {
		return err
	}
	text, err := readContent(w, r)
	if err != nil {
		return err
	}
	b, err := p.config.parseRequested("config", text)
	if err != nil {
		return err
	}
	if err := p.SetBinding(number, b); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (p *Pool) postRestore(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, map[string][]int{"ports": p.Restore(r.Context())})
}
