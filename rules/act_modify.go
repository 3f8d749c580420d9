package rules

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// apply returns the request edited, and its content, which h holds and edit edits.
// The request has neither the content nor its length yet.
func (e *RequestEdit) apply(req *traffic.Request, h *holder, edit editFunc) (*traffic.Request, *holder, error) {
	u, err := e.url(req.URL)
	if err != nil {
		return nil, nil, err
	}
	out := withURL(req, u, false)
	if e.Method != "" {
		out.Method = e.Method
	}
	e.Headers.apply(&out.Header)
	if e.Body == nil {
		return out, h, nil
	}
	edited, err := edit(e.Body, h, out.Header)
	if err != nil {
		return nil, nil, err
	}
	out.Header = edited.header
	return out, edited, nil
}

// url returns the URL edited.
func (e *RequestEdit) url(u traffic.URL) (traffic.URL, error) {
	if e.URL != "" {
		to, err := traffic.ParseURL(e.URL)
		if err != nil {
			return u, err
		}
		to.Scheme = sameKind(to.Scheme, u.Scheme)
		u = to
	}
	if e.Scheme != "" {
		u.Scheme = sameKind(string(e.Scheme), u.Scheme)
	}
	if e.Host != "" {
		u.Authority = e.Host
	}
	if e.Path != "" {
		query, ok := u.Query()
		u.Target = e.Path
		if ok {
			u.Target += "?" + query
		}
	}
	if e.Query != nil {
		u.Target = e.Query.apply(u)
	}
	return u, nil
}

// apply returns the target with the parameters edited. Those that are not named
// stay as they are, byte for byte.
func (q *QueryEdit) apply(u traffic.URL) string {
	query, _ := u.Query()
	var kept []string
	placed := map[string]bool{}
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		switch values, set := q.values(name); {
		case part == "" || q.removes(name):
		case !set:
			kept = append(kept, part)
		case !placed[name]:
			placed[name] = true
			kept = append(kept, pairs(name, values)...)
		}
	}
	for _, p := range q.Set {
		if !placed[p.Name] {
			kept = append(kept, pairs(p.Name, p.Value)...)
		}
	}
	if len(kept) == 0 {
		return u.Path()
	}
	return u.Path() + "?" + strings.Join(kept, "&")
}

func (q *QueryEdit) values(name string) ([]string, bool) {
	for _, p := range q.Set {
		if p.Name == name {
			return p.Value, true
		}
	}
	return nil, false
}

func (q *QueryEdit) removes(name string) bool { return slices.Contains(q.Remove, name) }

func pairs(name string, values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, url.QueryEscape(name)+"="+url.QueryEscape(v))
	}
	return out
}

// apply edits header fields. It may be called on nil.
func (e *HeaderEdit) apply(fields *traffic.Fields) {
	if e == nil {
		return
	}
	*fields = fields.Without(e.Remove...).Clone()
	setFields(fields, traffic.Fields(e.Set))
	for _, f := range e.Add {
		fields.Add(f.Name, f.Value)
	}
}

// setFields gives fields the values of set, in which a name may come several
// times.
func setFields(fields *traffic.Fields, set traffic.Fields) {
	for i, f := range set {
		if set.Index(f.Name) == i {
			fields.Set(f.Name, f.Value)
		} else {
			fields.Add(f.Name, f.Value)
		}
	}
}

// apply edits a response to a request of that method, and returns its content,
// which h holds and edit edits: the response has neither that nor its length yet. It
// changes nothing if it fails.
func (e *ResponseEdit) apply(method string, resp *traffic.Response, h *holder, edit editFunc) (*holder, error) {
	status := resp.Status
	if e.Status != 0 {
		status = e.Status
	}
	header := resp.Header.Clone()
	e.Headers.apply(&header)
	switch {
	case e.Body == nil || resp.Status == http.StatusSwitchingProtocols:
	case method == http.MethodHead:
		// What the length would be is not known.
		header = withoutStale(header).Without("Content-Length")
	case status == http.StatusNoContent || status == http.StatusNotModified:
	case status == http.StatusPartialContent:
		return nil, errPart
	default:
		edited, err := edit(e.Body, h, header.Without("Content-Range"))
		if err != nil {
			return nil, err
		}
		h, header = edited, edited.header
	}
	resp.Header = header
	if status != resp.Status {
		resp.Status, resp.Reason = status, http.StatusText(status)
	}
	if e.Reason != "" {
		resp.Reason = e.Reason
	}
	return h, nil
}
