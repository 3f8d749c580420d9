package ports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// unmarshalStrict reads one JSON value into v, which unknown members do not fit.
func unmarshalStrict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read the request: there is more than one value")
	}
	return nil
}

// forwardRequest is the content of POST /v1/forward.
type forwardRequest struct {
	RequestID string                     `json:"request_id"`
	Ports     []int                      `json:"ports"`
	Count     int                        `json:"count"`
	OnlyFree  bool                       `json:"only_free"`
	From      string                     `json:"from"`
	Filter    map[string]json.RawMessage `json:"filter"`
}

// forwardAnswer is the answer to it.
type forwardAnswer struct {
	RequestID string         `json:"request_id"`
	Ports     []int          `json:"ports"`
	Errors    []forwardError `json:"errors"`
}

// forwardError is what went wrong with a port; the port is 0 where none is meant.
type forwardError struct {
	Port   int    `json:"port"`
	Code   Code   `json:"code"`
	Detail string `json:"detail"`
}

func (p *Pool) postForward(w http.ResponseWriter, r *http.Request) error {
	var o forwardRequest
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	request, err := o.request()
	if err != nil {
		return err
	}
	result, err := p.Forward(r.Context(), request)
	if err != nil {
		return err
	}
	answer := forwardAnswer{RequestID: result.RequestID, Ports: append([]int{}, result.Ports...), Errors: []forwardError{}}
	for _, err := range result.Errors {
		answer.Errors = append(answer.Errors, forwardError{err.Port, err.Code, err.Error()})
	}
	return writeJSON(w, answer)
}

// request returns what is asked for.
func (o *forwardRequest) request() (Request, error) {
	r := Request{ID: o.RequestID, Ports: o.Ports, Count: o.Count, OnlyFree: o.OnlyFree, Any: o.From == "any"}
	switch {
	case o.From != "" && o.From != "any" && o.From != "config":
		return r, fmt.Errorf("from is %.20q, neither config nor any", o.From)
	case o.Count < 0:
		return r, fmt.Errorf("count is %d", o.Count)
	case o.Filter == nil:
		return r, nil
	}
	r.Labels = Labels{}
	for name, text := range o.Filter {
		var values []string
		if json.Unmarshal(text, &values) != nil {
			var value string
			if err := json.Unmarshal(text, &value); err != nil {
				return r, fmt.Errorf("filter.%s is neither a text nor a list of texts", name)
			}
			values = []string{value}
		}
		if slices.Contains(values, "") { // no binding has it: it could not be restored
			return r, fmt.Errorf("filter.%s is empty", name)
		}
		r.Labels[name] = values
	}
	return r, nil
}
