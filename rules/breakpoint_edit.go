package rules

import (
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/necto-dev/necto/traffic"
)

// editRequest returns the request as somebody has edited it at a breakpoint, and
// its content, which h holds. The request has neither the content nor its length
// yet.
func editRequest(req *traffic.Request, h *holder, e *traffic.Edit) (*traffic.Request, *holder) {
	u := req.URL
	if e.URL != "" {
		if to, err := traffic.ParseURL(e.URL); err == nil { // which was checked
			to.Scheme = sameKind(to.Scheme, u.Scheme)
			u = to
		}
	}
	out := withURL(req, u, false)
	if e.Method != "" {
		out.Method = e.Method
	}
	out.Header = editFields(out.Header, e)
	edited := editContent(h, out.Header, e)
	if edited != h {
		out.Header = edited.header
	}
	return out, edited
}

// editResponse returns the response as somebody has edited it at a breakpoint, and
// its content, which h holds. The response has neither the content nor its length
// yet.
func editResponse(resp *traffic.Response, h *holder, e *traffic.Edit) (*traffic.Response, *holder) {
	out := *resp
	if e.Status != 0 && e.Status != resp.Status {
		out.Status, out.Reason = e.Status, http.StatusText(e.Status)
	}
	if e.Reason != "" {
		out.Reason = e.Reason
	}
	out.Header = editFields(resp.Header, e)
	if resp.Status == http.StatusSwitchingProtocols || out.Status == http.StatusNoContent || out.Status == http.StatusNotModified {
		return &out, h
	}
	edited := editContent(h, out.Header, e)
	if edited != h {
		out.Header = edited.header
	}
	return &out, edited
}

// editFields returns a copy of the fields with what was edited.
func editFields(header traffic.Fields, e *traffic.Edit) traffic.Fields {
	if e.HasBody {
		header = withoutStale(header)
	}
	header = header.Without(e.Remove...).Clone()
	setFields(&header, e.Set)
	return header
}

// editContent returns the content that a message with these fields has: h if
// nothing of it was edited, neither itself nor its content coding.
func editContent(h *holder, header traffic.Fields, e *traffic.Edit) *holder {
	content := e.Body
	if !e.HasBody {
		if slices.Equal(codingsOf(h.header), codingsOf(header)) {
			return h
		}
		var err error
		if content, err = h.content(); err != nil || content == nil {
			return h // as it is, whatever its fields say now
		}
	}
	out := &holder{body: h.body, header: header, read: true, decoded: content}
	var err error
	if out.raw, err = encode(header, content); err != nil {
		// Nobody knows the coding, so the new content has none.
		out.raw, out.header = content, header.Without("Content-Encoding")
	}
	return out
}

// answerOf returns the answer that somebody gives at a breakpoint.
func answerOf(e *traffic.Edit) *traffic.Response {
	status := e.Status
	if status == 0 {
		status = http.StatusOK
	}
	made := editContent(new(holder), e.Set.Clone(), &traffic.Edit{Body: e.Body, HasBody: true})
	header := made.header
	if len(e.Body) > 0 && !header.Has("Content-Type") {
		header.Add("Content-Type", kindOf(e.Body))
	}
	return newAnswer(status, e.Reason, header, made.raw)
}

// kindOf returns the media type of content that nobody has named one for.
func kindOf(content []byte) string {
	if utf8.Valid(content) {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
