package replay

import (
	"strconv"
	"strings"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// Miss is a request that no recorded exchange answers. Values of secret names
// (see record.IsSecret) do not appear in it, and no control characters but the
// line ends of Hint.
type Miss struct {
	// Method and URL are the request's.
	Method, URL string
	// Reason says why there is no answer if the request was recorded: its
	// answer cannot be served. It is "" if the request was not recorded.
	Reason string
	// Nearest are the closest recorded requests, best first, at most 3.
	Nearest []Candidate
	// Hint is a rules file that answers the request, "" for the handshake of a
	// WebSocket connection and for a gRPC call.
	Hint string
}

// Candidate is a recorded request that is close to one that missed.
type Candidate struct {
	// ID is the exchange's in its recording.
	ID uint64
	// Recording is the file's base name, "" if only one file is loaded.
	Recording string
	// Method and URL are the recorded request's.
	Method, URL string
	// Differs has a line for each difference, such as
	// "query.page: recorded 1, got 2"; empty if there is none.
	Differs []string
}

// String returns the miss as one line.
func (m Miss) String() string {
	s := "no recorded answer for " + m.Method + " " + clip(m.URL, 300)
	switch {
	case m.Reason != "":
		return s + ": " + m.Reason
	case len(m.Nearest) == 0:
		return s + " (nothing like it was recorded)"
	case len(m.Nearest[0].Differs) == 0:
		return s + " (nearest: " + m.Nearest[0].name() + ")"
	}
	return s + " (nearest: " + m.Nearest[0].name() + " differs in " + m.Nearest[0].Differs[0] + ")"
}

func (c Candidate) name() string {
	return c.Recording + "#" + strconv.FormatUint(c.ID, 10)
}

// miss notes a request that has no answer and returns the response that says
// so. reason is that of Miss.
func (x *Index) miss(req *traffic.Request, c content, anywhere bool, reason string) *traffic.Response {
	m := x.noteMiss(req, c, anywhere, reason)
	if grpcwire.IsCall(req) {
		return callProblem(req, m)
	}
	return problem(req, m)
}

// noteMiss notes a request that has no answer.
func (x *Index) noteMiss(req *traffic.Request, c content, anywhere bool, reason string) Miss {
	m := Miss{
		Method: clip(printable(req.Method), 40),
		URL:    safeURL(req.URL.String()),
		Reason: printable(reason),
		Hint:   hint(req, anywhere),
	}
	handshake := isHandshake(req.Method, req.Header)
	if handshake {
		m.URL, m.Hint = safeURL(req.URL.WebSocket().String()), ""
	}
	if grpcwire.IsCall(req) {
		m.Hint = ""
	}
	m.Nearest = x.nearest(request{req.Method, req.URL, req.Header.Get("Content-Type"), c, handshake}, anywhere)
	x.missed.Add(1)
	x.missesMu.Lock()
	if len(x.misses) < maxMisses {
		x.misses = append(x.misses, m)
	}
	x.missesMu.Unlock()
	if x.opts.OnMiss != nil {
		x.opts.OnMiss(m)
	}
	return m
}

// hint returns a rules file that answers req. Double-quoted YAML takes the
// escapes that strconv.Quote makes.
func hint(req *traffic.Request, anywhere bool) string {
	path := clip(req.URL.Path(), 200)
	var b strings.Builder
	b.WriteString("version: 1\nrules:\n  - name: " + strconv.Quote(clip(req.Method, 40)+" "+path))
	b.WriteString("\n    match: {method: " + strconv.Quote(clip(req.Method, 40)))
	if !anywhere {
		b.WriteString(", host: " + strconv.Quote(req.URL.Hostname()))
	}
	b.WriteString(", path: " + strconv.Quote(path) + "}\n    mock: {status: 200, json: {}}\n")
	return b.String()
}

// safeURL returns a URL for people to read: without values of secret names,
// and not endless.
func safeURL(s string) string {
	path, query, ok := strings.Cut(s, "?")
	if ok {
		path += "?" + hidePairs(query)
	}
	return clip(printable(path), 2048)
}

// printable returns s with Go escapes for what would not print.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			q := strconv.Quote(s)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	}
	return s
}

// clip cuts s to about limit bytes.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
