package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/traffic"
)

// hitClient speaks with the API of a running necto about what breakpoints hold.
type hitClient struct{ apiClient }

func newHitClient(server card) *hitClient { return &hitClient{newAPIClient(server)} }

// apiHit is a hit as the API tells it.
type apiHit struct {
	ID         string `json:"id"`
	Breakpoint string `json:"breakpointId"`
	Exchange   string `json:"trafficId"`
	Phase      string `json:"type"`
	// Timestamp and Deadline are ms since 1970; 0 is no deadline.
	Timestamp  int64   `json:"timestamp"`
	Deadline   int64   `json:"deadline"`
	Method     string  `json:"method"`
	URL        string  `json:"url"`
	Body       *string `json:"requestBody"`
	Status     int     `json:"status"`
	Reason     string  `json:"statusText"`
	AnswerBody *string `json:"responseBody"`
	Direction  string  `json:"direction"`
	Opcode     int     `json:"opcode"`
	Data       []byte  `json:"data"`
	Fixed      string  `json:"bodyFixed"`

	RequestFields  [][2]string `json:"requestFields"`
	ResponseFields [][2]string `json:"responseFields"`
}

// hitPath returns the path of a hit, which users may name without "hit-".
func hitPath(id string) (string, error) {
	number := strings.TrimPrefix(id, "hit-")
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return "", usagef("%.40q is no hit", id).hinted("`necto breakpoints list` has them")
	}
	return "/api/breakpoints/hits/hit-" + number, nil
}

// list returns what is held, each as the API tells it.
func (c *hitClient) list(ctx context.Context) ([]json.RawMessage, error) {
	var answer struct {
		Hits []json.RawMessage `json:"hits"`
	}
	err := c.call(ctx, http.MethodGet, "/api/breakpoints/hits", nil, &answer)
	return answer.Hits, err
}

// get returns a hit with all of its content.
func (c *hitClient) get(ctx context.Context, path string) (*traffic.Hit, error) {
	var told apiHit
	if err := c.call(ctx, http.MethodGet, path, nil, &told); err != nil {
		return nil, err
	}
	hit, err := told.hit()
	if err != nil {
		return nil, err
	}
	if told.Body != nil && hit.Phase == traffic.PhaseRequest && hit.Fixed == "" {
		hit.RequestBody, err = c.body(ctx, path+"/body/request", hit.Request.Header)
	}
	if told.AnswerBody != nil && hit.Phase == traffic.PhaseResponse && hit.Fixed == "" {
		hit.ResponseBody, err = c.body(ctx, path+"/body/response", hit.Response.Header)
	}
	return hit, err
}

// hit returns what was told, without content.
func (h *apiHit) hit() (*traffic.Hit, error) {
	id, err := strconv.ParseUint(strings.TrimPrefix(h.ID, "hit-"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the API told of a hit %.40q", h.ID)
	}
	u, err := traffic.ParseURL(h.URL)
	if err != nil {
		return nil, err
	}
	hit := &traffic.Hit{
		ID: traffic.HitID(id), Breakpoint: h.Breakpoint, Phase: traffic.Phase(h.Phase), Fixed: h.Fixed,
		Request: &traffic.Request{Method: h.Method, Target: u.Target, URL: u, Header: fieldsOf(h.RequestFields)},
	}
	switch hit.Phase {
	case traffic.PhaseRequest:
	case traffic.PhaseResponse:
		hit.Response = &traffic.Response{Status: h.Status, Reason: h.Reason, Header: fieldsOf(h.ResponseFields)}
	case traffic.PhaseFrame:
		hit.Frame = &traffic.Frame{Opcode: traffic.Opcode(h.Opcode & 0xf), Payload: h.Data} //nolint:gosec // four bits
	default:
		return nil, fmt.Errorf("the API told of a hit of type %.40q", h.Phase)
	}
	return hit, nil
}

func fieldsOf(pairs [][2]string) traffic.Fields {
	var fields traffic.Fields
	for _, p := range pairs {
		fields.Add(p[0], p[1])
	}
	return fields
}

// body returns content. The API undoes content codings where it can.
func (c *hitClient) body(ctx context.Context, path string, header traffic.Fields) (*traffic.Body, error) {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxHitContent+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if coded := header.Get("Content-Encoding"); coded != "" && resp.Header.Get("Content-Encoding") == "" {
		return traffic.StoredBody(traffic.Stored{
			Size: int64(len(content)), Codings: coded, DecodedSize: int64(len(content)), Content: content,
		}), nil
	}
	return traffic.BodyOf(content), nil
}

// resume ends a hit.
func (c *hitClient) resume(ctx context.Context, path string, r traffic.Resume) error {
	o := map[string]any{"action": r.Action}
	modifications := map[string]any{}
	for name, e := range map[string]*traffic.Edit{"request": r.Request, "response": r.Response, "mock": r.Mock} {
		if e == nil {
			continue
		}
		object, err := editObject(e)
		if err != nil {
			return err
		}
		modifications[name] = object
	}
	if r.Payload != nil {
		if !utf8.Valid(r.Payload) {
			return errBinary
		}
		modifications["data"] = string(r.Payload)
	}
	if len(modifications) > 0 {
		o["modifications"] = modifications
	}
	return c.call(ctx, http.MethodPost, path+"/resume", o, nil)
}

// errBinary says that JSON has no form for content.
var errBinary = errors.New("edited content that is no text cannot be sent through the API")

// editObject returns an edit as the API takes it.
func editObject(e *traffic.Edit) (map[string]any, error) {
	o := map[string]any{}
	for name, value := range map[string]string{"method": e.Method, "url": e.URL, "statusText": e.Reason} {
		if value != "" {
			o[name] = value
		}
	}
	if e.Status != 0 {
		o["status"] = e.Status
	}
	headers := map[string]any{}
	for _, name := range e.Remove {
		headers[name] = nil
	}
	for _, f := range e.Set {
		headers[f.Name] = e.Set.Values(f.Name)
	}
	if len(headers) > 0 {
		o["headers"] = headers
	}
	if e.HasBody {
		if !utf8.Valid(e.Body) {
			return nil, errBinary
		}
		o["body"] = string(e.Body)
	}
	return o, nil
}
