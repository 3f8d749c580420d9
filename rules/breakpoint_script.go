package rules

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// defaultHold is how long breakpoints hold that do not say so.
const defaultHold = 30 * time.Second

// action returns what happens to a hit that nobody resumes.
func (a TimeoutAction) action() traffic.ResumeAction {
	if a == TimeoutAbort {
		return traffic.ResumeAbort
	}
	return traffic.ResumeContinue
}

// forPhase returns what the file says about a hit. A breakpoint that holds both
// has edits for either.
func (r *Resume) forPhase(p traffic.Phase) traffic.Resume {
	out := traffic.Resume{Action: traffic.ResumeAction(r.Action), By: byFile, Mock: r.Mock.edit()}
	switch p {
	case traffic.PhaseRequest:
		out.Request = r.Request.edit()
	case traffic.PhaseResponse:
		out.Response = r.Response.edit()
	case traffic.PhaseFrame:
		out.Payload = contentOf(r.Payload)
	}
	return out
}

// edit returns the changes, nil for none.
func (r *ResumeRequest) edit() *traffic.Edit {
	if r == nil {
		return nil
	}
	return &traffic.Edit{
		Method: r.Method, URL: r.URL, Set: r.Headers.Set, Remove: r.Headers.Remove,
		Body: contentOf(r.Body), HasBody: r.Body != nil,
	}
}

// edit returns the changes, nil for none.
func (r *ResumeResponse) edit() *traffic.Edit {
	if r == nil {
		return nil
	}
	return &traffic.Edit{
		Status: r.Status, Reason: r.Reason, Set: r.Headers.Set, Remove: r.Headers.Remove,
		Body: contentOf(r.Body), HasBody: r.Body != nil,
	}
}

// contentOf returns text as content, nil for nil.
func contentOf(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}
