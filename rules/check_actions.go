package rules

import (
	"reflect"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

func (m *Mock) check(c *check) {
	c.status(m.Status)
	c.reason(m.Reason)
	c.atMostOne(map[string]bool{
		"json": m.JSON != nil, "body": m.Body != nil, "file": m.File != "", "base64": m.Base64 != nil, "sse": m.SSE != nil,
		"grpc": m.GRPC != nil,
	}, "json, body, file, base64, sse, grpc")
	if m.GRPC != nil && (m.Status != 0 || m.Reason != "") {
		c.problem("", "status and reason are those of HTTP, which a gRPC call answers with 200: write status and message in grpc")
	}
	c.regularFile("file", m.File)
	if m.Template {
		m.checkTemplates(c)
	}
	if noContent := m.Status == 204 || m.Status == 304; noContent &&
		(m.JSON != nil || m.Body != nil || m.File != "" || m.Base64 != nil || m.SSE != nil) {
		c.problem("status", "an answer of status %d has no content", m.Status)
	}
}

func (e *SSEvent) check(c *check) {
	if strings.ContainsAny(e.Event+e.ID, "\r\n") {
		c.problem("event", "event and id are one line each")
	}
}

func (b *Block) check(c *check) {
	c.status(b.Status)
	c.one(map[string]bool{"status": b.Status != 0, "close": b.Close, "reset": b.Reset}, "status, close, reset")
}

func (m *Modify) check(c *check) {
	if m.Request == nil && m.Response == nil {
		c.problem("", "modify needs request, response or both")
	}
	if m.Request != nil && reflect.ValueOf(*m.Request).IsZero() {
		c.problem("request", "request has nothing to edit")
	}
	if m.Response != nil && reflect.ValueOf(*m.Response).IsZero() {
		c.problem("response", "response has nothing to edit")
	}
}

func (e *RequestEdit) check(c *check) {
	c.method(e.Method)
	c.url("url", e.URL)
	if e.URL != "" && (e.Scheme != "" || e.Host != "" || e.Path != "") {
		c.problem("url", "url replaces scheme, host and path: write one or the other")
	}
	if e.Path != "" && (e.Path[0] != '/' || strings.ContainsAny(e.Path, " ?#\r\n\t")) {
		c.problem("path", "a path begins with / and has neither spaces nor a query, which has a key of its own")
	}
	if e.Host != "" {
		if err := traffic.CheckAuthority(e.Host); err != nil {
			c.problem("host", "%v", err)
		}
	}
}

func (e *ResponseEdit) check(c *check) {
	c.status(e.Status)
	c.reason(e.Reason)
}

func (e *BodyEdit) check(c *check) {
	c.one(map[string]bool{
		"text": e.Text != nil, "file": e.File != "", "base64": e.Base64 != nil, "json": e.JSON != nil, "replace": e.Replace != nil,
	}, "text, file, base64, json, replace")
	c.regularFile("file", e.File)
}

func (e *JSONEdit) check(c *check) {
	if len(e.Set) == 0 && len(e.Remove) == 0 && e.Merge == nil {
		c.problem("", "json needs set, remove or merge")
	}
	e.checkPaths(c)
}

func (r *Replacement) check(c *check) {
	if r.Regex == nil {
		c.problem("", "replace needs regex")
	}
}

func (m *MapLocal) check(c *check) {
	if m.Path == "" {
		c.problem("", "map_local needs path")
	}
	if m.Strip != "" && m.Strip[0] != '/' {
		c.problem("strip", "a path begins with /")
	}
}

func (m *MapRemote) check(c *check) {
	if m.URL == "" {
		c.problem("", "map_remote needs url")
	}
	c.url("url", m.URL)
}

func (d *Delay) check(c *check) {
	switch {
	case d.LogNormal == nil && d.Time == 0:
		c.problem("", "delay needs time or lognormal")
	case d.LogNormal != nil && (d.Time != 0 || d.Jitter != 0):
		c.problem("lognormal", "lognormal has no time and no jitter")
	case d.Jitter > d.Time:
		c.problem("jitter", "jitter is more than time")
	}
}

func (l *LogNormal) check(c *check) {
	if l.Median == 0 {
		c.problem("", "lognormal needs median")
	}
	if l.Sigma < 0 || l.Sigma > 10 {
		c.problem("sigma", "sigma is from 0 to 10")
	}
}

func (t *Throttle) check(c *check) {
	if t.Profile == "" && t.Down == 0 && t.Up == 0 && t.Latency == 0 {
		c.problem("", "throttle needs profile, down, up or latency")
	}
	if _, known := ProfileNamed(t.Profile); t.Profile != "" && !known {
		names := profileNames()
		c.problem("profile", "%q is no profile%s", t.Profile, suggestKey(t.Profile, names))
	}
}

func (f *Fault) check(c *check) {
	c.status(f.Status)
	if f.CutAfterEvents < 0 {
		c.problem("cut_after_events", "events count from 1")
	}
	c.one(map[string]bool{
		"close": f.Close, "reset": f.Reset, "hang": f.Hang, "cut_after": f.CutAfter != nil,
		"cut_after_events": f.CutAfterEvents != 0, "malformed_chunk": f.MalformedChunk,
		"dns": f.DNS, "tls": f.TLS, "status": f.Status != 0,
	}, "close, reset, hang, cut_after, cut_after_events, malformed_chunk, dns, tls, status")
}

func (f *FrameRule) check(c *check) {
	c.one(map[string]bool{
		"drop": f.Drop, "replace": f.Replace != nil, "json": f.JSON != nil, "inject": f.Inject != nil, "close": f.Close != nil,
		"delay": f.Delay != 0 && f.Replace == nil && f.JSON == nil,
	}, "drop, replace, json, inject, close, delay")
	c.atMostOne(map[string]bool{"match": f.Match != nil, "on": f.On != "", "every": f.Every != 0}, "match, on, every")
	if f.Inject == nil && f.Close == nil && f.On != "" {
		c.problem("on", "on: open is for inject and close")
	}
	if f.Inject == nil && f.Every != 0 {
		c.problem("every", "every is for inject")
	}
}

func (m *FrameMatcher) check(c *check) {
	if m.Opcode == FrameBinary && (len(m.Text) > 0 || len(m.JSON) > 0) {
		c.problem("opcode", "text and json are for text messages")
	}
}

func (f *FrameInject) check(c *check) {
	if f.Dir == nil {
		c.problem("", "inject needs dir")
	}
	c.one(map[string]bool{"text": f.Text != nil, "base64": f.Base64 != nil}, "text, base64")
}

func (f *FrameClose) check(c *check) {
	if !closable(f.Code) {
		c.problem("code", "%d cannot be sent in a close frame (RFC 6455 section 7.4)", f.Code)
	}
	if len(f.Reason) > maxCloseReason {
		c.problem("reason", "a reason has at most %d bytes", maxCloseReason)
	}
}

// maxCloseReason is what a close frame has room for (RFC 6455 section 5.5).
const maxCloseReason = 123

// closable reports whether a close frame can have that status code; 0 is the
// default.
func closable(code int) bool {
	switch {
	case code == 0, code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	default:
		return false
	}
}
