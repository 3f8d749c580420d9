package har_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

func TestRequestCookies(t *testing.T) {
	header := traffic.Fields{
		{Name: "cookie", Value: `a=1; b = "x y" ;;empty=; json={"k":"v=w"}`},
		{Name: "Host", Value: "example.test"},
		{Name: "Cookie", Value: "nameless; =x"},
	}
	want := []har.Cookie{
		{Name: "a", Value: "1"},
		{Name: "b", Value: `"x y"`},
		{Name: "empty"},
		{Name: "json", Value: `{"k":"v=w"}`},
	}
	if diff := cmp.Diff(want, har.RequestCookies(header)); diff != "" {
		t.Error(diff)
	}
}

func TestResponseCookies(t *testing.T) {
	received := time.Date(2026, 11, 20, 23, 44, 3, 0, time.UTC)
	tests := []struct {
		value string
		want  har.Cookie
	}{
		{"a=1", har.Cookie{Name: "a", Value: "1"}},
		{"a=1=2; Path=/x; Domain=.example.test", har.Cookie{Name: "a", Value: "1=2", Path: "/x", Domain: ".example.test"}},
		{"a=; secure;HttpOnly; SAMESITE=none", har.Cookie{Name: "a", Secure: true, HTTPOnly: true, SameSite: "None"}},
		{"a=1; SameSite=whatever; Unknown=1", har.Cookie{Name: "a", Value: "1"}},
		{"a=1; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT", har.Cookie{
			Name: "a", Value: "1", Expires: received.Add(time.Minute),
		}},
		{"a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=60", har.Cookie{
			Name: "a", Value: "1", Expires: received.Add(time.Minute),
		}},
		{"a=1; Max-Age=0", har.Cookie{Name: "a", Value: "1", Expires: time.Unix(0, 0)}},
		{"a=1; Max-Age=-99999999999999999999", har.Cookie{Name: "a", Value: "1", Expires: time.Unix(0, 0)}},
		{"a=1; Max-Age=99999999999999999999", har.Cookie{
			Name: "a", Value: "1", Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		}},
		{"a=1; Max-Age=soon", har.Cookie{Name: "a", Value: "1"}},
		{"a=1; Expires=whenever", har.Cookie{Name: "a", Value: "1"}},
	}
	for _, tt := range tests {
		got := har.ResponseCookies(traffic.Fields{{Name: "set-cookie", Value: tt.value}}, received)
		if diff := cmp.Diff([]har.Cookie{tt.want}, got); diff != "" {
			t.Errorf("%s: %s", tt.value, diff)
		}
	}
}

// Dates that servers were seen to send, and such as RFC 6265 section 5.1.1 takes
// or refuses; "" for the latter.
func TestCookieDates(t *testing.T) {
	tests := []struct{ date, want string }{
		{"Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"},
		{"Thu, 01-Jan-1970 00:00:01 GMT", "1970-01-01T00:00:01Z"},
		{"Wed, 9 Nov 2033 1:2:3 GMT", "2033-11-09T01:02:03Z"},
		{"Mon, 18 Jan 38 03:14:07 GMT+0000 (UTC)", "2038-01-18T03:14:07Z"},
		{"2027 January 2nd 03:04:05", "2027-01-02T03:04:05Z"},
		{"08:49:37 6 nov 1994", "1994-11-06T08:49:37Z"},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
		{"Fri, 30 Feb 2027 00:00:00 GMT", ""},
		{"Fri, 32 Jan 2027 00:00:00 GMT", ""},
		{"Fri, 01 Jan 1600 00:00:00 GMT", ""},
		{"Fri, 01 Jan 2027 24:00:00 GMT", ""},
		{"Fri, 01 Jan 20270 00:00:00 GMT", ""},
		{"Fri, 01 Foo 2027 00:00:00 GMT", ""},
		{"Fri, 01 Jan 2027", ""},
		{"2027-01-02T03:04:05Z", ""},
		{"0", ""},
	}
	for _, tt := range tests {
		header := traffic.Fields{{Name: "Set-Cookie", Value: "a=1; Expires=" + tt.date}}
		got := ""
		if at := har.ResponseCookies(header, time.Time{})[0].Expires; !at.IsZero() {
			got = at.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.date, got, tt.want)
		}
	}
}

func FuzzResponseCookies(f *testing.F) {
	f.Add("a=1; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=3; SameSite=Lax")
	f.Add("=; ;=;expires=08:49:37 6 nov 70")
	f.Fuzz(func(t *testing.T, value string) {
		got := har.ResponseCookies(traffic.Fields{{Name: "Set-Cookie", Value: value}}, time.Unix(0, 0))
		if len(got) > 1 {
			t.Fatalf("%d cookies of one field", len(got))
		}
		for _, c := range got {
			if year := c.Expires.Year(); c.Name == "" || year < 1 || year > 9999 {
				t.Errorf("got %v", c)
			}
		}
	})
}

func TestQueryString(t *testing.T) {
	want := []har.Pair{
		{Name: "b", Value: "2"},
		{Name: "a", Value: "x y+z"},
		{Name: "b", Value: ""},
		{Name: "bad%zz", Value: "100%"},
		{Name: "ü", Value: "a=b"},
	}
	if diff := cmp.Diff(want, har.QueryString("b=2&a=x+y%2Bz&&b&bad%zz=100%&%C3%BC=a=b")); diff != "" {
		t.Error(diff)
	}
	if got := har.QueryString(""); got != nil {
		t.Errorf("no query has %v", got)
	}
}

func TestFormParams(t *testing.T) {
	const form = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"text\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nline\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n"
	tests := []struct {
		name, contentType, content string
		want                       []har.Param
	}{
		{"urlencoded", "application/x-www-form-urlencoded; charset=UTF-8", "a=1+2&b=%26&a=3", []har.Param{
			{Name: "a", Value: "1 2"}, {Name: "b", Value: "&"}, {Name: "a", Value: "3"},
		}},
		{"multipart", `Multipart/Form-Data; boundary="b"`, form, []har.Param{
			{Name: "note", Value: "hello"},
			{Name: "text", Value: "line", FileName: "a.txt", ContentType: "text/plain"},
			{Name: "image", FileName: "a.png", ContentType: "image/png"},
		}},
		{"multipart cut in a part", "multipart/form-data; boundary=b", form[:strings.Index(form, "ine\r\n")], []har.Param{
			{Name: "note", Value: "hello"},
		}},
		{"multipart cut in a head", "multipart/form-data; boundary=b", form[:strings.Index(form, "; filename")], []har.Param{
			{Name: "note", Value: "hello"},
		}},
		{"multipart without boundary", "multipart/form-data", form, nil},
		{"other content", "application/json", "a=1", nil},
		{"no type", "", "a=1", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, har.FormParams(tt.contentType, []byte(tt.content))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func FuzzFormParams(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--b--"))
	f.Add("application/x-www-form-urlencoded", []byte("a=%&b"))
	f.Fuzz(func(_ *testing.T, contentType string, content []byte) {
		har.FormParams(contentType, content)
	})
}

func TestResourceType(t *testing.T) {
	field := func(name, value string) traffic.Fields { return traffic.Fields{{Name: name, Value: value}} }
	tests := []struct {
		want, method      string
		status            int
		request, response traffic.Fields
	}{
		{"websocket", "GET", 101, nil, nil},
		{"websocket", "GET", 403, field("Upgrade", "WebSocket"), nil},
		{"eventsource", "GET", 200, field("Sec-Fetch-Dest", "empty"), field("Content-Type", "text/event-stream")},
		{"preflight", "OPTIONS", 204, field("Access-Control-Request-Method", "PUT"), nil},
		{"xhr", "POST", 200, field("X-Requested-With", "XMLHttpRequest"), field("Content-Type", "text/html")},
		{"document", "GET", 200, field("sec-fetch-dest", "iframe"), nil},
		{"script", "GET", 404, field("Sec-Fetch-Dest", "script"), field("Content-Type", "text/html")},
		{"stylesheet", "GET", 200, field("Sec-Fetch-Dest", "style"), nil},
		{"media", "GET", 206, field("Sec-Fetch-Dest", "video"), nil},
		{"texttrack", "GET", 200, field("Sec-Fetch-Dest", "track"), nil},
		{"fetch", "GET", 200, field("Sec-Fetch-Dest", "empty"), nil},
		{"image", "GET", 200, field("Sec-Fetch-Dest", "new"), field("Content-Type", "image/png")},
		{"document", "GET", 200, nil, field("Content-Type", "Text/HTML; charset=utf-8")},
		{"script", "GET", 200, nil, field("Content-Type", "application/javascript")},
		{"stylesheet", "GET", 200, nil, field("Content-Type", "text/css")},
		{"manifest", "GET", 200, nil, field("Content-Type", "application/manifest+json")},
		{"fetch", "GET", 200, nil, field("Content-Type", "application/problem+json")},
		{"font", "GET", 200, nil, field("Content-Type", "font/woff2")},
		{"media", "GET", 200, nil, field("Content-Type", "audio/ogg")},
		{"other", "GET", 200, nil, field("Content-Type", "application/octet-stream")},
		{"other", "GET", 0, nil, nil},
	}
	for _, tt := range tests {
		if got := har.ResourceType(tt.method, tt.status, tt.request, tt.response); got != tt.want {
			t.Errorf("%s %d %v %v: got %s, want %s", tt.method, tt.status, tt.request, tt.response, got, tt.want)
		}
	}
}

func TestHTTPVersion(t *testing.T) {
	for proto, want := range map[string]string{
		"HTTP/1.0": "HTTP/1.0", "HTTP/1.1": "HTTP/1.1", "HTTP/2.0": "http/2.0", "h2": "http/2.0", "HTTP/3": "h3", "": "",
	} {
		if got := har.HTTPVersion(proto); got != want {
			t.Errorf("%q: got %q, want %q", proto, got, want)
		}
	}
}

func TestHeadSize(t *testing.T) {
	header := traffic.Fields{{Name: "Host", Value: "example.test"}, {Name: "X", Value: ""}}
	request := "GET /a HTTP/1.1\r\nHost: example.test\r\nX: \r\n\r\n"
	if got := har.RequestHeadSize("GET", "/a", "HTTP/1.1", header); got != int64(len(request)) {
		t.Errorf("request: got %d, want %d", got, len(request))
	}
	response := "HTTP/1.1 404 Not Found\r\nHost: example.test\r\nX: \r\n\r\n"
	if got := har.ResponseHeadSize("HTTP/1.1", "Not Found", header); got != int64(len(response)) {
		t.Errorf("response: got %d, want %d", got, len(response))
	}
	if got := har.ResponseHeadSize("HTTP/2.0", "", header); got != -1 {
		t.Errorf("HTTP/2: got %d, want -1", got)
	}
}

func TestTotalLeavesOutWhatIsCountedOrDidNotHappen(t *testing.T) {
	timings := har.Timings{Blocked: 0.1, DNS: 0.2, Connect: -1, SSL: 8, Send: 0.3, Wait: 100, Receive: 0}
	if got, want := timings.Total(), 100.6; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPairsKeepOrderSpellingAndDuplicates(t *testing.T) {
	fields := traffic.Fields{{Name: "b", Value: "1"}, {Name: "A", Value: "2"}, {Name: "B", Value: "3"}}
	pairs := har.Pairs(fields)
	if diff := cmp.Diff([]har.Pair{{Name: "b", Value: "1"}, {Name: "A", Value: "2"}, {Name: "B", Value: "3"}}, pairs); diff != "" {
		t.Error(diff)
	}
	if got := har.Fields(pairs); !slices.Equal(got, fields) {
		t.Errorf("got %v", got)
	}
}
