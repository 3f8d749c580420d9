package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/necto-dev/necto/traffic"
)

// checkResume reports what is wrong with r as the end of a hit: what could not be
// sent, and edits of what is not held.
func checkResume(hit *traffic.Hit, r *traffic.Resume) error {
	switch r.Action {
	case traffic.ResumeContinue:
		return checkContinue(hit, r)
	case traffic.ResumeAbort:
		return nil
	case traffic.ResumeMock:
		if hit.Phase == traffic.PhaseFrame {
			return errors.New("a message has no answer: continue or abort it")
		}
		return inPart("mock", checkResponseEdit(r.Mock))
	default:
		return fmt.Errorf("action is %.40q, not continue, abort or mock", r.Action)
	}
}

func checkContinue(hit *traffic.Hit, r *traffic.Resume) error {
	switch {
	case r.Request != nil && hit.Phase != traffic.PhaseRequest:
		return fmt.Errorf("a %s is held: the request cannot be edited", what(hit))
	case r.Response != nil && hit.Phase != traffic.PhaseResponse:
		return fmt.Errorf("a %s is held: the response cannot be edited", what(hit))
	case r.Payload != nil && hit.Phase != traffic.PhaseFrame:
		return fmt.Errorf("a %s is held: it has no payload", what(hit))
	case r.Payload != nil && hit.Frame.Opcode == traffic.OpText && !utf8.Valid(r.Payload):
		return errors.New("the payload of a text message is UTF-8 (RFC 6455 section 5.6)")
	}
	for _, e := range []*traffic.Edit{r.Request, r.Response} {
		if e != nil && e.HasBody && hit.Fixed != "" {
			return errors.New("the body cannot be edited: " + hit.Fixed)
		}
	}
	return errors.Join(inPart("request", checkRequestEdit(r.Request)), inPart("response", checkResponseEdit(r.Response)))
}

// what names what is held.
func what(hit *traffic.Hit) string {
	if hit.Phase == traffic.PhaseFrame {
		return "message"
	}
	return string(hit.Phase)
}

func inPart(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

func checkRequestEdit(e *traffic.Edit) error {
	if e == nil {
		return nil
	}
	if e.Status != 0 || e.Reason != "" {
		return errors.New("a request has no status")
	}
	if e.Method != "" && !httpguts.ValidHeaderFieldName(e.Method) { // both are tokens
		return fmt.Errorf("%.60q is no method", e.Method)
	}
	if e.URL != "" {
		if _, err := traffic.ParseURL(e.URL); err != nil {
			return err
		}
	}
	return checkFields(e)
}

func checkResponseEdit(e *traffic.Edit) error {
	if e == nil {
		return nil
	}
	if e.Method != "" || e.URL != "" {
		return errors.New("a response has no method and no url")
	}
	if e.Status != 0 && (e.Status < 200 || e.Status > 999) {
		return fmt.Errorf("%d is no status code of an answer, which is 200 to 999", e.Status)
	}
	if strings.ContainsAny(e.Reason, "\r\n\x00") {
		return errors.New("a reason phrase is one line")
	}
	return checkFields(e)
}

func checkFields(e *traffic.Edit) error {
	for _, f := range e.Set {
		if !httpguts.ValidHeaderFieldName(f.Name) {
			return fmt.Errorf("%.60q cannot be the name of a header field", f.Name)
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return fmt.Errorf("header %.60q: a value cannot have line ends or control characters", f.Name)
		}
	}
	return nil
}
