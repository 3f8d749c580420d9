package har

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// httpVersion returns a version in the spelling of HTTPVersion, "" if it is none:
// exporters write "unknown", "h2", "HTTP/2", "1.1", "http/2+quic/46", and pieces
// of words where there was no protocol.
func httpVersion(s string) string {
	switch lower := strings.ToLower(s); lower {
	case "http/1.1", "1.1", "http1.1", "http/1":
		return "HTTP/1.1"
	case "http/1.0", "1.0", "http1.0":
		return "HTTP/1.0"
	case "http/0.9", "0.9":
		return "HTTP/0.9"
	case "2", "2.0", "http2", "http2.0", "h2", "h2c", "http/2", "http/2.0", "spdy/3.1":
		return "http/2.0"
	case "3", "3.0", "http3", "h3", "http/3", "http/3.0":
		return "h3"
	default:
		if strings.HasPrefix(lower, "h3-") || strings.Contains(lower, "quic") {
			return "h3"
		}
	}
	return ""
}

// timeLayouts are how instants are written, beside what RFC 3339 says. Those
// without a zone are taken as UTC.
var timeLayouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	time.RFC1123,
	time.RFC1123Z,
	time.ANSIC,
}

// parseTime reads an instant, also as a number: see unixTime.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return unixTime(f)
	}
	return time.Time{}, false
}

// unixTime returns the instant of a number of seconds since 1970, or of
// milliseconds, as Playwright has them for messages; to the microsecond. Zero and
// below are no instants.
func unixTime(f float64) (time.Time, bool) {
	const leastMillis = 1e11 // in seconds, the year 5138
	if !(f > 0) || f > 1e15 {
		return time.Time{}, false
	}
	if f > leastMillis {
		f /= 1e3
	}
	return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), true
}

// time returns an instant, zero if there is none.
func (c *cursor) time(what string) time.Time {
	s := c.str()
	at, ok := parseTime(s)
	if !ok && s != "" {
		c.warn(fmt.Sprintf("%s is no date but %.40q", what, s))
	}
	return at
}

// instant returns an instant that should be a number, zero if there is none.
func (c *cursor) instant(what string) time.Time {
	s := c.str()
	at, ok := parseTime(s)
	if f, err := strconv.ParseFloat(s, 64); !ok && s != "" && (err != nil || f > 0) {
		c.warn(fmt.Sprintf("%s is no time but %.40q", what, s))
	}
	return at
}

// expires returns when a cookie ends, zero for the end of the session: in any
// form, as tools repeat what was in the header.
func (c *cursor) expires() time.Time {
	s := c.str()
	if at, ok := parseTime(s); ok {
		return at
	}
	at, _ := parseCookieDate(s)
	return at
}

// withCookies returns the headers with a Cookie field if only the cookies say what
// was in it.
func withCookies(headers []Pair, cookies []Cookie) []Pair {
	if len(cookies) == 0 || hasName(headers, "Cookie") {
		return headers
	}
	var value strings.Builder
	for i, k := range cookies {
		if i > 0 {
			value.WriteString("; ")
		}
		value.WriteString(cookiePair(k))
	}
	return append(headers, Pair{Name: "Cookie", Value: value.String()})
}

// withSetCookies returns the headers with Set-Cookie fields if only the cookies
// say what was in them.
func withSetCookies(headers []Pair, cookies []Cookie) []Pair {
	if len(cookies) == 0 || hasName(headers, "Set-Cookie") {
		return headers
	}
	for _, k := range cookies {
		headers = append(headers, Pair{Name: "Set-Cookie", Value: setCookie(k)})
	}
	return headers
}

func hasName(pairs []Pair, name string) bool {
	for i := range pairs {
		if strings.EqualFold(pairs[i].Name, name) {
			return true
		}
	}
	return false
}

func cookiePair(k Cookie) string {
	if k.Name == "" {
		return k.Value
	}
	return k.Name + "=" + k.Value
}

func setCookie(k Cookie) string {
	s := cookiePair(k)
	if k.Path != "" {
		s += "; Path=" + k.Path
	}
	if k.Domain != "" {
		s += "; Domain=" + k.Domain
	}
	if !k.Expires.IsZero() {
		s += "; Expires=" + k.Expires.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	if k.Secure {
		s += "; Secure"
	}
	if k.HTTPOnly {
		s += "; HttpOnly"
	}
	if k.SameSite != "" {
		s += "; SameSite=" + k.SameSite
	}
	return s
}
