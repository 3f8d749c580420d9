package har

import (
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// RequestCookies returns the cookies of the Cookie fields of a request. One that
// has no name is left out, as readers of HAR refuse it.
func RequestCookies(header traffic.Fields) []Cookie {
	var cookies []Cookie
	for _, value := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(value, ";") {
			if c, ok := cookieOf(pair); ok {
				cookies = append(cookies, c)
			}
		}
	}
	return cookies
}

// ResponseCookies returns the cookies of the Set-Cookie fields of a response, read
// as a browser reads them (RFC 6265 section 5.2): of what they say against the
// grammar, only the lack of a name is a reason to leave them out. Max-Age, which
// goes before Expires, counts from when the response was received.
func ResponseCookies(header traffic.Fields, received time.Time) []Cookie {
	var cookies []Cookie
	for _, value := range header.Values("Set-Cookie") {
		pair, attributes, _ := strings.Cut(value, ";")
		if c, ok := cookieOf(pair); ok {
			c.setAttributes(attributes, received)
			cookies = append(cookies, c)
		}
	}
	return cookies
}

// setAttributes reads what is behind the value of a cookie.
func (c *Cookie) setAttributes(attributes string, received time.Time) {
	maxAge := false
	for attribute := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(attribute, "=")
		value = trim(value)
		switch strings.ToLower(trim(name)) {
		case "expires":
			if at, ok := parseCookieDate(value); ok && !maxAge {
				c.Expires = at
			}
		case "max-age":
			if at, ok := addMaxAge(received, value); ok {
				c.Expires, maxAge = at, true
			}
		case "domain":
			c.Domain = value
		case "path":
			c.Path = value
		case "secure":
			c.Secure = true
		case "httponly":
			c.HTTPOnly = true
		case "samesite":
			c.SameSite = sameSite(value)
		}
	}
}

// cookieOf splits name and value; it reports false if there is no name.
func cookieOf(pair string) (Cookie, bool) {
	name, value, ok := strings.Cut(pair, "=")
	c := Cookie{Name: trim(name), Value: trim(value)}
	return c, ok && c.Name != ""
}

func trim(s string) string { return strings.Trim(s, " \t") }

// sameSite returns the value in the spelling of HAR readers, "" if it is none.
func sameSite(value string) string {
	for _, known := range []string{"Strict", "Lax", "None"} {
		if strings.EqualFold(value, known) {
			return known
		}
	}
	return ""
}

// addMaxAge returns when a cookie of that Max-Age ends: at once if it is not
// positive, in the year 9999 at the latest.
func addMaxAge(received time.Time, value string) (time.Time, bool) {
	digits := strings.TrimPrefix(value, "-")
	if digits == "" || !onlyDigits(digits) {
		return time.Time{}, false
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	seconds, err := strconv.ParseInt(value, 10, 64)
	switch {
	case digits != value || err == nil && seconds == 0:
		return time.Unix(0, 0).UTC(), true
	case err != nil || seconds >= last.Unix()-received.Unix():
		return last, true
	}
	return time.Unix(received.Unix()+seconds, 0).UTC(), true
}

// parseCookieDate reads a date as RFC 6265 section 5.1.1 says: its parts may come
// in any order and spelling that can be told apart.
func parseCookieDate(s string) (time.Time, bool) {
	var d cookieDate
	for _, token := range strings.FieldsFunc(s, isDateDelimiter) {
		d.take(token)
	}
	if d.found != foundAll || d.year < 1601 || d.day < 1 || d.day > 31 || d.hour > 23 || d.minute > 59 || d.second > 59 {
		return time.Time{}, false
	}
	at := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return at, at.Day() == d.day
}

func isDateDelimiter(r rune) bool {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == ':', r >= 0x7f, r < ' ' && r != '\t':
		return false
	}
	return true
}

// The parts of a cookieDate.
const (
	foundClock = 1 << iota
	foundDay
	foundMonth
	foundYear
	foundAll = 1<<iota - 1
)

// cookieDate gathers the parts of a date.
type cookieDate struct {
	found                                  int
	year, month, day, hour, minute, second int
}

// take takes a token as the first part that is missing and that it can be.
func (d *cookieDate) take(token string) {
	switch {
	case d.found&foundClock == 0 && d.takeClock(token):
		d.found |= foundClock
	case d.found&foundDay == 0 && takeNumber(token, 1, 2, &d.day):
		d.found |= foundDay
	case d.found&foundMonth == 0 && d.takeMonth(token):
		d.found |= foundMonth
	case d.found&foundYear == 0 && takeNumber(token, 2, 4, &d.year):
		d.found |= foundYear
		if d.year >= 70 && d.year <= 99 {
			d.year += 1900
		} else if d.year < 70 {
			d.year += 2000
		}
	}
}

func (d *cookieDate) takeClock(token string) bool {
	parts := strings.SplitN(token, ":", 3)
	return len(parts) == 3 && onlyDigits(parts[0]) && onlyDigits(parts[1]) &&
		takeNumber(parts[0], 1, 2, &d.hour) &&
		takeNumber(parts[1], 1, 2, &d.minute) &&
		takeNumber(parts[2], 1, 2, &d.second)
}

func onlyDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (d *cookieDate) takeMonth(token string) bool {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(token) < 3 {
		return false
	}
	i := strings.Index(months, strings.ToLower(token[:3]))
	if i < 0 || i%3 != 0 {
		return false
	}
	d.month = i/3 + 1
	return true
}

// takeNumber reads a number of least to most digits, which something may follow
// that is no digit.
func takeNumber(token string, least, most int, to *int) bool {
	digits := 0
	for digits < len(token) && token[digits] >= '0' && token[digits] <= '9' {
		digits++
	}
	if digits < least || digits > most {
		return false
	}
	n, err := strconv.Atoi(token[:digits])
	if err != nil {
		return false
	}
	*to = n
	return true
}
