package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// The versions that messages have, apart from HTTP/1.0.
const (
	proto1 = "HTTP/1.1"
	proto2 = "HTTP/2.0"
)

// fields2 returns the fields of a message as HTTP/2 has them: names in lower
// case, values without white space around them, which who reads HTTP/1 takes away,
// and without those that are about a connection (RFC 9113 section 8.2), about
// necto as a proxy, or what a pseudo-field says. It is fields itself if that is so
// already, else a copy.
func fields2(fields traffic.Fields) traffic.Fields {
	for i := range fields {
		f := &fields[i]
		if isLower(f.Name) && !isPadded(f.Value) && !isConnectionField(f) {
			continue
		}
		return convertFields(fields, i)
	}
	return fields
}

// convertFields is fields2, of which the first n need no change. Those that
// Connection names go with it.
func convertFields(fields traffic.Fields, n int) traffic.Fields {
	out := make(traffic.Fields, 0, len(fields))
	options := connectionOptions(fields)
	for i := range fields {
		f := fields[i]
		if i >= n && isConnectionField(&f) {
			continue
		}
		f.Name, f.Value = strings.ToLower(f.Name), strings.Trim(f.Value, " \t")
		if options[f.Name] && f.Name != "te" {
			continue
		}
		out = append(out, f)
	}
	return out
}

// connectionOptions returns what the Connection fields name, in lower case (RFC
// 9110 section 7.6.1); nil if there are none.
func connectionOptions(fields traffic.Fields) map[string]bool {
	var options map[string]bool
	for i := range fields {
		if !fields[i].Is("Connection") {
			continue
		}
		if options == nil {
			options = make(map[string]bool)
		}
		for option := range strings.SplitSeq(fields[i].Value, ",") {
			options[strings.ToLower(strings.Trim(option, " \t"))] = true
		}
	}
	return options
}

// lower returns fields with their names in lower case: fields itself if they are,
// else a copy.
func lower(fields traffic.Fields) traffic.Fields {
	for i := range fields {
		if !isLower(fields[i].Name) {
			fields = fields.Clone()
			for ; i < len(fields); i++ {
				fields[i].Name = strings.ToLower(fields[i].Name)
			}
			break
		}
	}
	return fields
}

func isLower(name string) bool {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			return false
		}
	}
	return true
}

// isPadded reports whether there is white space around a value.
func isPadded(value string) bool {
	n := len(value)
	return n > 0 && (isBlank(value[0]) || isBlank(value[n-1]))
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isConnectionField reports whether f is not to be sent in HTTP/2. Its first
// comparison is there because this is asked of every field.
func isConnectionField(f *traffic.Field) bool {
	switch len(f.Name) {
	case len("te"):
		return f.Is("Te") && !strings.EqualFold(strings.Trim(f.Value, " \t"), "trailers")
	case len("host"):
		return f.Is("Host")
	case len("upgrade"):
		return f.Is("Upgrade")
	case len("connection"): // of keep-alive, too
		return f.Is("Connection") || f.Is("Keep-Alive")
	case len("http2-settings"):
		return f.Is("HTTP2-Settings")
	case len("proxy-connection"):
		return f.Is("Proxy-Connection")
	case len("transfer-encoding"):
		return f.Is("Transfer-Encoding")
	case len("proxy-authenticate"):
		return f.Is("Proxy-Authenticate")
	case len("proxy-authorization"):
		return f.Is("Proxy-Authorization")
	}
	return false
}

// authorityOf returns what :authority says where a request is sent in HTTP/2: Host,
// which may differ from the URL, if there is one.
func authorityOf(req *traffic.Request) string {
	if host := req.Header.Get("Host"); host != "" {
		return host
	}
	return req.URL.Authority
}

// request1 returns a request of HTTP/2 as it is sent in HTTP/1.1: with Host,
// which stands first, cookies in one field (RFC 9113 section 8.2.3), and chunked
// where nothing says how long its content is. What only HTTP/2 could keep apart is
// an error.
func request1(req *traffic.Request) (*traffic.Request, error) {
	out := *req
	out.Proto = proto1
	out.Header = make(traffic.Fields, 0, len(req.Header)+2)
	out.Header.Add("host", authorityOf(req))
	cookie, crumbs := -1, []string(nil)
	for _, f := range req.Header {
		switch {
		case f.Is("Host"):
		case !f.Is("Cookie"):
			out.Header = append(out.Header, f)
		default:
			if crumbs = append(crumbs, f.Value); cookie < 0 {
				cookie = len(out.Header)
				out.Header = append(out.Header, traffic.Field{Name: f.Name})
			}
		}
	}
	if cookie >= 0 { // at once: there may be thousands
		out.Header[cookie].Value = strings.Join(crumbs, "; ")
	}
	if out.Body != nil && out.Length < 0 {
		out.Header.Add("transfer-encoding", "chunked")
	}
	if err := h1.CheckRequest(&out); err != nil {
		return nil, err
	}
	_, err := h1.RequestFraming(&out)
	return &out, err
}

// response2 gives a response the form of HTTP/2.
func response2(resp *traffic.Response) {
	resp.Proto, resp.Reason = proto2, ""
	resp.Header = fields2(resp.Header)
}

// response1 gives a response of HTTP/2 the form of HTTP/1.1, but for the framing.
func response1(resp *traffic.Response) {
	resp.Proto = proto1
	if resp.Reason == "" {
		resp.Reason = http.StatusText(resp.Status)
	}
}

// frame1 says in the head of a response to req, which came in HTTP/2, where its
// content ends, unless that is the end of the connection, as for HTTP/1.0.
func frame1(resp *traffic.Response, req *traffic.Request) {
	framing, err := h1.ResponseFraming(resp, req.Method)
	switch {
	case err != nil || framing.Kind != h1.UntilClose:
	case resp.Length >= 0:
		resp.Header = append(slices.Clip(resp.Header), traffic.Field{Name: "content-length", Value: strconv.FormatInt(resp.Length, 10)})
	case req.Proto == proto1:
		resp.Header = append(slices.Clip(resp.Header), traffic.Field{Name: "transfer-encoding", Value: "chunked"})
	}
}
