package rules

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/necto-dev/necto/traffic"
)

func (f *File) check(c *check) {
	for i := range f.Ignore {
		if field := &f.Ignore[i]; field.Regex != nil {
			c.d.problems.add(Problem{
				At: field.At, Text: "what a regex finds cannot be ignored: name a header, query, form, cookie or json field",
			})
		}
	}
	switch {
	case !c.has("version"):
		c.problem("", "write `version: 1` first")
	case f.Version != 1 && f.Version != 0: // 0 is what could not be read
		c.problem("version", "this necto reads version 1, not %d", f.Version)
	}
}

func (r *Rule) check(c *check) {
	if strings.TrimSpace(r.Name) == "" {
		c.problem("name", "a rule needs a name")
	}
	for _, tag := range r.Tag {
		c.template("tag", tag)
	}
	var have, known []string
	for _, a := range r.actions() {
		known = append(known, a.key)
		if a.set {
			have = append(have, a.key)
		}
	}
	switch {
	case len(have) == 1, len(have) == 0 && c.misspelt(r):
	case len(have) == 0:
		c.problem("", "a rule needs an action: one of %s", strings.Join(known, ", "))
	default:
		c.problem(have[1], "a rule has one action, this one has %s: write a rule for each", strings.Join(have, " and "))
	}
}

func (b *Breakpoint) check(c *check) {
	if strings.TrimSpace(b.Name) == "" {
		c.problem("name", "a breakpoint needs a name")
	}
	if b.On == "" {
		c.problem("", "a breakpoint needs on: request, response, both or frame")
	}
	if b.Match.When != nil {
		c.problem("match", "write when beside match, not in it")
	}
	b.checkResume(c)
}

func (b *Breakpoint) checkResume(c *check) {
	r := b.Resume
	if r == nil {
		return
	}
	wrong := ""
	switch {
	case r.Action != ResumeMock && r.Mock != nil:
		wrong = "mock is for action: mock"
	case r.Action == ResumeMock && r.Mock == nil:
		wrong = "action: mock needs mock, the answer"
	case r.Action == ResumeMock && b.On == OnFrame:
		wrong = "a frame cannot be mocked"
	case r.Action != ResumeContinue && (r.Request != nil || r.Response != nil || r.Payload != nil):
		wrong = "edits are for action: continue"
	case r.Request != nil && b.On != OnRequest && b.On != OnBoth:
		wrong = "request is for on: request or both"
	case r.Response != nil && b.On != OnResponse && b.On != OnBoth:
		wrong = "response is for on: response or both"
	case r.Payload != nil && b.On != OnFrame:
		wrong = "payload is for on: frame"
	default:
		return
	}
	c.problem("resume", "%s", wrong)
}

func (r *Resume) check(c *check) {
	if r.Action == "" {
		c.problem("", "resume needs action: continue, abort or mock")
	}
}

func (r *ResumeRequest) check(c *check) {
	c.method(r.Method)
	c.url("url", r.URL)
}

func (r *ResumeResponse) check(c *check) { c.status(r.Status) }

func (f *Field) check(c *check) {
	c.one(map[string]bool{
		"header": f.Header != "", "query": f.Query != "", "form": f.Form != "",
		"cookie": f.Cookie != "", "json": f.JSON != "", "regex": f.Regex != nil,
	}, "header, query, form, cookie, json, regex")
}

func (p *Ports) check(c *check) {
	if p.Start < 1 || p.Count < 1 || p.Start+p.Count-1 > 65535 {
		c.problem("start", "start and count must give ports from 1 to 65535")
	}
	taken := make(map[int]bool)
	for _, b := range p.Bind {
		switch {
		case b.Port < p.Start || b.Port >= p.Start+p.Count:
			c.problem("bind", "port %d is not in the pool, which is %d to %d", b.Port, p.Start, p.Start+p.Count-1)
		case taken[b.Port]:
			c.problem("bind", "port %d is bound twice", b.Port)
		}
		taken[b.Port] = true
	}
}

func (b *PortBinding) check(c *check) {
	c.one(map[string]bool{
		"target": b.Target != "", "upstream": b.Upstream != "", "replay": b.Replay != "", "raw": b.Raw != "",
	}, "target, upstream, replay, raw")
	c.url("target", b.Target)
	if u, err := url.Parse(b.Upstream); b.Upstream != "" && (err != nil || u.Host == "") {
		c.problem("upstream", "%.100q is no URL of a proxy, as socks5://127.0.0.1:1080", b.Upstream)
	}
	if _, _, err := net.SplitHostPort(b.Raw); b.Raw != "" && err != nil {
		c.problem("raw", "%.100q is not host:port", b.Raw)
	}
}

// regularFile reports what is there beside the rules file and is no file. That
// nothing is there is told elsewhere.
func (c *check) regularFile(key string, path FilePath) {
	if path == "" || c.d.root == nil {
		return
	}
	info, err := c.d.root.Stat(filepath.FromSlash(string(path)))
	if err == nil && !info.Mode().IsRegular() {
		c.problem(key, "%s is no file", path)
	}
}

// one reports if not exactly one of several keys is set. listed has them for the
// user, in order.
func (c *check) one(set map[string]bool, listed string) {
	c.atMostOne(set, listed)
	for _, is := range set {
		if is {
			return
		}
	}
	c.problem("", "one of %s is needed", listed)
}

// atMostOne reports if several of some keys are set.
func (c *check) atMostOne(set map[string]bool, listed string) {
	n := 0
	for _, is := range set {
		if is {
			n++
		}
	}
	if n > 1 {
		c.problem("", "only one of %s can be set", listed)
	}
}

// status reports a number that cannot be the status code of a final response.
func (c *check) status(code int) {
	if code != 0 && (code < 200 || code > 999) {
		c.problem("status", "%d is no status code of an answer, which is 200 to 999", code)
	}
}

func (c *check) method(m string) {
	if m != "" && !httpguts.ValidHeaderFieldName(m) { // both are tokens
		c.problem("method", "%.60q is no method", m)
	}
}

// url reports what is no absolute URL.
func (c *check) url(key, text string) {
	if text == "" {
		return
	}
	if _, err := traffic.ParseURL(text); err != nil {
		c.problem(key, "%v", err)
	}
}

// reason reports what cannot be a reason phrase.
func (c *check) reason(text string) {
	if strings.ContainsAny(text, "\r\n\x00") {
		c.problem("reason", "a reason phrase is one line")
	}
}
