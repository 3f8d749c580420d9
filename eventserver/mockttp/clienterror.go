package mockttp

import (
	"net"
	"net/http"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// clientErrorTag is what the tag begins with that says what is wrong with a
// request.
const clientErrorTag = "client-error:"

// clientError writes a ClientError: the request as far as it was read, and the
// answer.
func (w *writer) clientError(c clock, id string, e *traffic.ClientError) {
	r := guessRequest(e)
	code := clientErrorCode(e, r)
	tags := append(clientTags(e.Tags), clientErrorTag+code)
	if e.Status == http.StatusRequestHeaderFieldsTooLarge {
		tags = append(tags, "header-overflow")
	}
	w.str(`{"errorCode":`, code)
	w.str(`,"request":{"id":`, id)
	w.errorTiming(c, e)
	w.list(`,"tags":`, tags)
	w.guess(r)
	w.remote(e.Client)
	w.raw(`},"response":`)
	if e.Status == 0 {
		w.raw(`"aborted"}`)
		return
	}
	a := ownAnswer(e.Proto, e.Status, e.Failure.Text, true)
	w.str(`{"id":`, id)
	w.int(`,"statusCode":`, int64(a.Status))
	w.str(`,"statusMessage":`, a.Reason)
	w.header(a.Header)
	w.errorTiming(c, e)
	w.list(`,"tags":`, tags)
	w.body(traffic.BodyOf(a.content), a.Header)
	w.trailer(nil)
	w.raw("}}")
}

// errorTiming writes TimingEvents.
func (w *writer) errorTiming(c clock, e *traffic.ClientError) {
	began := e.Started
	if began.IsZero() {
		began = e.Time
	}
	w.startTime(`,"timingEvents":{"startTime":`, c, began)
	w.timestamp(`,"startTimestamp":`, c, began)
	if e.Status == 0 {
		w.timestamp(`,"abortedTimestamp":`, c, e.Time)
	} else {
		w.timestamp(`,"headersSentTimestamp":`, c, e.Time)
		w.timestamp(`,"responseSentTimestamp":`, c, e.Time)
	}
	w.raw("}")
}

// guess writes what is known of a request.
func (w *writer) guess(r guessed) {
	w.str(`,"httpVersion":`, r.version)
	w.optional(`,"protocol":`, r.protocol)
	w.optional(`,"method":`, r.method)
	w.optional(`,"url":`, r.url)
	w.optional(`,"path":`, r.path)
	w.destination(r.destination)
	w.header(r.header)
}

// unfinishedCodes has what Node.js says of a request that did not come to its end.
var unfinishedCodes = map[traffic.FailureKind]string{
	traffic.FailEOF:     "HPE_INVALID_EOF_STATE",
	traffic.FailReset:   "ECONNRESET",
	traffic.FailTimeout: "ERR_HTTP_REQUEST_TIMEOUT",
}

// clientErrorCode returns what Node.js says of such a request.
func clientErrorCode(e *traffic.ClientError, r guessed) string {
	if strings.HasPrefix(r.version, "2") {
		return "ERR_HTTP2_ERROR"
	}
	if code := unfinishedCodes[e.Failure.Kind]; code != "" {
		return code
	}
	switch {
	case e.Status == http.StatusRequestHeaderFieldsTooLarge || e.Status == http.StatusRequestURITooLong:
		return "HPE_HEADER_OVERFLOW"
	case e.Status == http.StatusHTTPVersionNotSupported:
		return "HPE_INVALID_VERSION"
	case !isToken(r.method):
		return "HPE_INVALID_METHOD"
	case r.whole && !r.located:
		return "ERR_INVALID_URL"
	}
	return "HPE_INVALID_HEADER_TOKEN"
}

// guessed is what a bad request was meant to be, as far as that can be told. What
// cannot is "".
type guessed struct {
	version, protocol, method, url, path string
	destination                          string // host:port
	header                               traffic.Fields
	// whole says that the first line was there, and located that url is one.
	whole, located bool
}

// guessRequest reads what there is of a request's head.
func guessRequest(e *traffic.ClientError) guessed {
	r := guessed{version: "1.1", destination: e.Target}
	if e.Proto != "" {
		r.version = versionOf(e.Proto)
	}
	head := strings.TrimLeft(string(e.Head), "\r\n")
	line, rest, whole := strings.Cut(head, "\n")
	parts := strings.Split(strings.TrimRight(line, "\r"), " ")
	if !whole && len(parts) < 2 {
		return r // not even a method
	}
	r.whole = whole
	r.method, r.protocol = parts[0], "http"
	if e.Secure {
		r.protocol = "https"
	}
	if len(parts) > 1 && (whole || len(parts) > 2) {
		r.path = parts[1]
	}
	if len(parts) > 2 {
		if version, ok := strings.CutPrefix(parts[len(parts)-1], "HTTP/"); ok && whole {
			r.version = version
		}
	}
	r.header = guessFields(rest)
	r.locate()
	return r
}

// guessFields reads the lines that look like fields; the last one may be cut.
func guessFields(lines string) traffic.Fields {
	var fields traffic.Fields
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ":")
		if ok && isToken(name) {
			fields.Add(name, strings.Trim(value, " \t"))
		}
	}
	return fields
}

// locate fills in where the request was to go; what is no URL stays as it is.
func (r *guessed) locate() {
	r.url = r.path
	u, err := traffic.ParseURL(r.path)
	if err != nil {
		host := r.header.Get("Host")
		if host == "" {
			host = r.destination
		}
		if r.path == "" || r.path[0] != '/' || traffic.CheckAuthority(host) != nil {
			return
		}
		u = traffic.URL{Scheme: r.protocol, Authority: host, Target: r.path}
	}
	r.located = true
	r.url, r.path, r.protocol = u.String(), u.Target, u.Scheme
	if r.destination == "" {
		r.destination = net.JoinHostPort(u.Hostname(), u.Port())
	}
}

// isToken reports whether s can be a method or the name of a field (RFC 9110
// section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
