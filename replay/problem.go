package replay

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// problemType names the kind of problem and leads to its description (RFC 9457
// section 3.1.1).
const problemType = "https://github.com/necto-dev/necto/blob/main/docs/replay.md#misses"

// problemJSON is application/problem+json with members of our own.
type problemJSON struct {
	Type    string          `json:"type"`
	Title   string          `json:"title"`
	Status  int             `json:"status"`
	Detail  string          `json:"detail"`
	Request requestJSON     `json:"request"`
	Nearest []candidateJSON `json:"nearest"`
	Hint    string          `json:"hint"`
}

type requestJSON struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

type candidateJSON struct {
	Recording string   `json:"recording,omitempty"`
	ID        uint64   `json:"id"`
	Method    string   `json:"method"`
	URL       string   `json:"url"`
	Differs   []string `json:"differs"`
}

// problem returns the response to a request that missed.
func problem(req *traffic.Request, m Miss) *traffic.Response {
	p := problemJSON{
		Type:    problemType,
		Title:   "No recorded answer",
		Status:  501,
		Detail:  m.String(),
		Request: requestJSON{m.Method, m.URL},
		Nearest: []candidateJSON{},
		Hint:    m.Hint,
	}
	for _, c := range m.Nearest {
		p.Nearest = append(p.Nearest, candidateJSON{c.Recording, c.ID, c.Method, c.URL, append([]string{}, c.Differs...)})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		panic(err) // strings and numbers always encode
	}
	resp := &traffic.Response{
		Status: 501,
		Reason: "Not Implemented",
		Proto:  "HTTP/1.1",
		Source: traffic.SourceReplay,
		Header: traffic.Fields{
			{Name: "Content-Type", Value: "application/problem+json"},
			{Name: "Cache-Control", Value: "no-store"},
			{Name: "Content-Length", Value: strconv.Itoa(b.Len())},
		},
	}
	if req.Method != "HEAD" {
		resp.Body, resp.Length = traffic.NewMemoryBody(b.Bytes()), int64(b.Len())
	}
	return resp
}
