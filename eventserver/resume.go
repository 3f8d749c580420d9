package eventserver

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/zishang520/socket.io/v3/pkg/types"

	"github.com/necto-dev/necto/traffic"
)

// resume ends a hit the way the client says: {id, action, modifications}.
func (c *client) resume(arg any) (any, error) {
	if c.server.opts.Breakpoints == nil {
		return nil, errUnavailable
	}
	o, ok := arg.(map[string]any)
	if !ok {
		return nil, errArgument("breakpoint:resume", "an object {id, action, modifications}")
	}
	id, err := optionalText(o, "id")
	if err != nil {
		return nil, err
	}
	hit, ok := parseHit(id)
	if !ok {
		return nil, fmt.Errorf("there is no hit %q", id)
	}
	r, err := parseResume(o)
	if err != nil {
		return nil, err
	}
	return nil, c.server.opts.Breakpoints.Resume(hit, r)
}

// parseResume reads the object of a breakpoint:resume. An action that is missing
// is to continue.
func parseResume(o map[string]any) (traffic.Resume, error) {
	r := traffic.Resume{By: "api"}
	action, err := optionalText(o, "action")
	if err != nil {
		return r, err
	}
	switch r.Action = traffic.ResumeAction(action); r.Action {
	case "":
		r.Action = traffic.ResumeContinue
	case traffic.ResumeContinue, traffic.ResumeAbort, traffic.ResumeMock:
	default:
		return r, fmt.Errorf("action is %q, not continue, abort or mock", action)
	}
	mods, ok := o["modifications"].(map[string]any)
	if !ok {
		if o["modifications"] != nil {
			return r, errors.New("modifications is no object")
		}
		return r, nil
	}
	edits := map[string]**traffic.Edit{"request": &r.Request, "response": &r.Response, "mock": &r.Mock}
	for name, edit := range edits {
		if *edit, err = parseEdit(name, mods[name]); err != nil {
			return r, err
		}
	}
	if r.Payload, err = parseBody(mods["data"]); err != nil {
		return r, fmt.Errorf("modifications.data: %w", err)
	}
	return r, nil
}

// parseEdit reads one of the modifications, nil for none.
func parseEdit(name string, v any) (*traffic.Edit, error) {
	if v == nil {
		return nil, nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("modifications.%s is no object", name)
	}
	e := new(traffic.Edit)
	var err error
	if err = parseEditTexts(e, o); err != nil {
		return nil, fmt.Errorf("modifications.%s: %w", name, err)
	}
	if e.Status, err = parseStatus(o["status"]); err != nil {
		return nil, fmt.Errorf("modifications.%s: %w", name, err)
	}
	if e.Set, e.Remove, err = parseHeaders(o["headers"]); err != nil {
		return nil, fmt.Errorf("modifications.%s: %w", name, err)
	}
	if body, there := o["body"]; there && body != nil {
		e.HasBody = true
		if e.Body, err = parseBody(body); err != nil {
			return nil, fmt.Errorf("modifications.%s: %w", name, err)
		}
	}
	return e, nil
}

func parseEditTexts(e *traffic.Edit, o map[string]any) error {
	for name, to := range map[string]*string{"method": &e.Method, "url": &e.URL, "statusText": &e.Reason} {
		text, err := optionalText(o, name)
		if err != nil {
			return err
		}
		*to = text
	}
	return nil
}

func parseStatus(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < 200 || f > 999 {
		return 0, errors.New("status is no number from 200 to 999")
	}
	return int(f), nil
}

// parseHeaders reads an object of names and values, where null removes a field
// and a list makes several.
func parseHeaders(v any) (set traffic.Fields, remove []string, err error) {
	if v == nil {
		return nil, nil, nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, nil, errors.New("headers is no object")
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch value := o[name].(type) {
		case nil:
			remove = append(remove, name)
		case string:
			set.Add(name, value)
		case []any:
			for _, one := range value {
				text, ok := one.(string)
				if !ok {
					return nil, nil, fmt.Errorf("a value of header %q is no text", name)
				}
				set.Add(name, text)
			}
		default:
			return nil, nil, fmt.Errorf("the value of header %q is no text", name)
		}
	}
	return set, remove, nil
}

// parseBody reads content: text, binary, or, as JSON has no binary, an object with
// the member base64.
func parseBody(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case types.BufferInterface:
		return v.Bytes(), nil
	case map[string]any:
		if text, ok := v["base64"].(string); ok && len(v) == 1 {
			return base64.StdEncoding.DecodeString(text)
		}
	}
	return nil, errors.New("it is neither text nor binary")
}
