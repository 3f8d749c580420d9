package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

var markHash = regexp.MustCompile(`:[0-9a-f]{8}}}`)

// hideHash makes marks the same in all runs.
func hideHash(s string) string { return markHash.ReplaceAllString(s, ":#}}") }

func TestRedactedFields(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"Authorization", "Bearer abc", "{{redacted:authorization:#}}"},
		{"proxy-authorization", "Basic eDp5", "{{redacted:proxy-authorization:#}}"},
		{"X-Api-Key", "k", "{{redacted:x-api-key:#}}"},
		{"X-Auth-Token", "k", "{{redacted:x-auth-token:#}}"},
		{"x-amz-security-token", "k", "{{redacted:x-amz-security-token:#}}"},
		{"Authorization", "", ""},
		{"Authorization", "{{redacted:authorization:01234567}}", "{{redacted:authorization:#}}"},
		{"Cookie", "a=1; b=2;c; d=", "a={{redacted:a:#}}; b={{redacted:b:#}};{{redacted:cookie:#}}; d="},
		{"Cookie", "x=a=b", "x={{redacted:x:#}}"},
		{"Cookie", " ; ", " ; "},
		{"Set-Cookie", "a=1; Path=/; HttpOnly", "a={{redacted:a:#}}; Path=/; HttpOnly"},
		{"SET-COOKIE", "só=1", "só={{redacted:s__:#}}"},
		{"Location", "/cb?code=1&access_token=2#id_token=3&x=4", "/cb?code=1&access_token={{redacted:access_token:#}}#id_token={{redacted:id_token:#}}&x=4"},
		{"Referer", "https://a.example/?q=1", "https://a.example/?q=1"},
		{"X-Auth", "k", "{{redacted:x-auth:#}}"},
		{"X-JWT", "k", "{{redacted:x-jwt:#}}"},
		{"X-JWT-Assertion", "k", "{{redacted:x-jwt-assertion:#}}"},
		{"X-Goog-IAP-JWT-Assertion", "k", "{{redacted:x-goog-iap-jwt-assertion:#}}"},
		{"Origin", "https://u:p@a.example", "https://{{redacted:userinfo:#}}@a.example"},
		{"Destination", "https://a.example/x?token=1", "https://a.example/x?token={{redacted:token:#}}"},
		{"X-Original-URL", "/x?token=1&y=2", "/x?token={{redacted:token:#}}&y=2"},
		{"X-Rewrite-URL", "/x?token=1", "/x?token={{redacted:token:#}}"},
		{
			"Link", `</a?token=1>; rel="next", <https://u:p@b/?x=1>; title="a=b"`,
			`</a?token={{redacted:token:#}}>; rel="next", <https://{{redacted:userinfo:#}}@b/?x=1>; title="a=b"`,
		},
		{"Link", "</a?token=1", "</a?token={{redacted:token:#}}"},
		{"Link", "a=b", "a=b"},
		{"Refresh", "5; url=/a?token=1&x=2", "5; url=/a?token={{redacted:token:#}}&x=2"},
		{"Refresh", "5;URL = 'https://u:p@a/'", "5;URL = 'https://{{redacted:userinfo:#}}@a/'"},
		{"Refresh", "5, /a?token=1", "5, /a?token={{redacted:token:#}}"},
		{"Refresh", "5", "5"},
		{
			"Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0, base64.binary.k8s.io",
			"base64url.bearer.{{redacted:bearer:#}}, base64.binary.k8s.io",
		},
		{"Sec-WebSocket-Protocol", "chat, access_token,abc ,Bearer,x, y", "chat, access_token,{{redacted:access_token:#}} ,Bearer,{{redacted:bearer:#}}, y"},
		{"Sec-WebSocket-Protocol", "graphql-transport-ws, bearer", "graphql-transport-ws, bearer"},
		{"Location", "/cb?code=1&state=2", "/cb?code={{redacted:code:#}}&state=2"},
		{"Location", "https://u:p@a.example/?q=@1", "https://{{redacted:userinfo:#}}@a.example/?q=@1"},
		{"Location", "//u@a.example", "//{{redacted:userinfo:#}}@a.example"},
		{"Location", "/a//b@c", "/a//b@c"},
		{"Referer", "", ""},
		{"Content-Type", "application/json", "application/json"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZQ=="},
		{"ETag", `"token=1"`, `"token=1"`},
	} {
		x := exchange(1)
		x.Request.Header = traffic.Fields{{Name: c.name, Value: c.value}}
		_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
		if got := hideHash(parse(t, lines[0]).Request.Header[0].Value); got != c.want {
			t.Errorf("%s: %s is recorded as %s", c.name, c.value, got)
		}
	}
}

func TestRedactedQueries(t *testing.T) {
	for in, want := range map[string]string{
		"/?a=1;b=2&c=%zz":               "/?a=1;b=2&c=%zz",
		"/?token=x":                     "/?token={{redacted:token:#}}",
		"/?a&token&b":                   "/?a&token&b",
		"/?token=&x=1":                  "/?token=&x=1",
		"/?x=1&Api-Key=a=b&y":           "/?x=1&Api-Key={{redacted:api-key:#}}&y",
		"/?user%5Bpassword%5D=p%26q":    "/?user%5Bpassword%5D={{redacted:user_password_:#}}",
		"/?next_page_token=2&max=1":     "/?next_page_token=2&max=1",
		"/?x=token=1":                   "/?x=token=1",
		"/?=1&&=&?token=1":              "/?=1&&=&?token={{redacted:_token:#}}",
		"/token=1":                      "/token=1",
		"/cb?code=c&state=s":            "/cb?code={{redacted:code:#}}&state=s",
		"/cb?code=404&statement=s":      "/cb?code=404&statement=s",
		"/cb?zipcode=1&state=s":         "/cb?zipcode=1&state=s",
		"/f?Expires=1&Signature=f~&K=1": "/f?Expires=1&Signature={{redacted:signature:#}}&K=1",
		"/?X-Amz-Signature=f&X-Amz-D=1": "/?X-Amz-Signature={{redacted:x-amz-signature:#}}&X-Amz-D=1",
	} {
		x := exchange(1)
		x.Request.URL.Target = in
		_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
		if got := hideHash(parse(t, lines[0]).Request.URL); got != "http://127.0.0.1:9100"+want {
			t.Errorf("%s is recorded as %s", in, got)
		}
	}
}

const (
	mediaJSON  = "application/json"
	mediaForm  = "application/x-www-form-urlencoded"
	mediaParts = "multipart/form-data; boundary=b"
)

// longName is what frameworks make of nested form fields.
var longName = strings.TrimSuffix(strings.Repeat("ContentPlaceHolder1%24", 6), "%24")

func TestRedactedBodies(t *testing.T) {
	for _, c := range []struct{ mediaType, in, want string }{
		{mediaJSON, `{"user":"u","password":"p"}`, `{"user":"u","password":"{{redacted:password:#}}"}`},
		{mediaJSON, `{ "Client-Secret" :` + "\n\t" + `"p\"q", "x":1}`, `{ "Client-Secret" :` + "\n\t" + `"{{redacted:client-secret:#}}", "x":1}`},
		{mediaJSON, `{"cvv":123,"pwd":-1.5e3}`, `{"cvv":"{{redacted:cvv:#}}","pwd":"{{redacted:pwd:#}}"}`},
		{mediaJSON, `{"token":null,"secret":true,"session":{"id":1,"token":""},"auth":["a"]}`, `{"token":null,"secret":true,"session":{"id":1,"token":""},"auth":["a"]}`},
		{mediaJSON, `{"auth":{"password":"p"}}`, `{"auth":{"password":"{{redacted:password:#}}"}}`},
		{mediaJSON, `{"text":"\"password\":\"p\"","a":"\\"}`, `{"text":"\"password\":\"{{redacted:password:#}}\"","a":"\\"}`},
		{mediaJSON, `{"\u0074oken":"t","toke\u006E":"u","tok\u0065n":"v","toke\n":"w"}`, `{"\u0074oken":"{{redacted:token:#}}","toke\u006E":"{{redacted:token:#}}","tok\u0065n":"{{redacted:token:#}}","toke\n":"w"}`},
		{
			mediaJSON, `{"body":"{\"user\":\"u\",\"password\" : \"p\\\"q\\\\\",\"pin_token\":12,\"x\":\"y\"}","z":1}`,
			`{"body":"{\"user\":\"u\",\"password\" : \"{{redacted:password:#}}\",\"pin_token\":\"{{redacted:pin_token:#}}\",\"x\":\"y\"}","z":1}`,
		},
		{mediaJSON, `{"body":"{\"password\":\"cut","z":1}`, `{"body":"{\"password\":\"{{redacted:password:#}}","z":1}`},
		{mediaJSON, `{"body":"{\"password\":\"cut`, `{"body":"{\"password\":\"{{redacted:password:#}}`},
		{mediaJSON, `{"body":"{\"password\":\"cut\\\`, `{"body":"{\"password\":\"{{redacted:password:#}}`},
		{mediaJSON, `{"body":"{\"password\":null}"}`, `{"body":"{\"password\":null}"}`},
		{mediaJSON, `{"body":"{\\\"password\\\":1}"}`, `{"body":"{\\\"password\\\":1}"}`}, // two levels down
		{
			mediaJSON, `{"next":"https://a.example/x?token=t&y=1","db":"postgres://u:p@h/d","at":"12:30","plain":"https://a.example/?y=1"}`,
			`{"next":"https://a.example/x?token={{redacted:token:#}}&y=1","db":"postgres://{{redacted:userinfo:#}}@h/d","at":"12:30","plain":"https://a.example/?y=1"}`,
		},
		{
			mediaJSON, `{"next":"https:\/\/a\/x?y=1\u0026token=t","plain":"https:\/\/a\/?y=1\u0026z=1"}`,
			`{"next":"https://a/x?y=1&token={{redacted:token:#}}","plain":"https:\/\/a\/?y=1\u0026z=1"}`,
		},
		{mediaJSON, `{"a":"{\"url\":\"https://a/?token=t\"}"}`, `{"a":"{\"url\":\"https://a/?token={{redacted:token:#}}\"}"}`},
		{"text/plain", "see https://a/?token=t", "see https://a/?token={{redacted:token:#}}"},
		{"text/plain", "at 12:", "at 12:"},
		{"application/javascript", `{"token":"t"}`, `{"token":"{{redacted:token:#}}"}`},
		{"text/javascript", `/**/ jQuery.cb_1({"token":"t"});`, `/**/ jQuery.cb_1({"token":"{{redacted:token:#}}"});`},
		{"text/javascript", `var labels={"password":"Passwort"}`, `var labels={"password":"Passwort"}`},
		{mediaJSON, `["password",":","token"]`, `["password",":","token"]`},
		{mediaJSON, `{"max_tokens":5,"nextPageToken":"x","csrf":"y","author":"z","passes":3}`, `{"max_tokens":5,"nextPageToken":"x","csrf":"y","author":"z","passes":3}`},
		{mediaJSON, `{"csrf_token":"y"}`, `{"csrf_token":"{{redacted:csrf_token:#}}"}`},
		{mediaJSON, `{"password":"cut of`, `{"password":"{{redacted:password:#}}`},
		{mediaJSON, `{"password":"cut of\`, `{"password":"{{redacted:password:#}}`},
		{mediaJSON, `{"password":12`, `{"password":"{{redacted:password:#}}"`},
		{mediaJSON, `{"password":`, `{"password":`},
		{mediaJSON, "{\"password\":\"\xff\"}", `{"password":"{{redacted:password:#}}"}`},
		{"application/vnd.api+json; charset=utf-8", `{"token":"t"}`, `{"token":"{{redacted:token:#}}"}`},
		{"text/event-stream", "data: {\"token\":\"t\"}\n\n", "data: {\"token\":\"{{redacted:token:#}}\"}\n\n"},
		{"", `{"token":"t"}`, `{"token":"{{redacted:token:#}}"}`},
		{"text/html", `<b>"token":"t"</b>`, `<b>"token":"t"</b>`},
		{mediaForm, "user=u&password=p%20q&x", "user=u&password={{redacted:password:#}}&x"},
		{mediaForm, "password=", "password="},
		{mediaForm, "grant_type=authorization_code&code=c&code_verifier=v", "grant_type=authorization_code&code={{redacted:code:#}}&code_verifier={{redacted:code_verifier:#}}"},
		{mediaForm, "country=de&code=49", "country=de&code=49"},
		{mediaForm, "password[]=p&ctl00%24" + longName + "%24Password=q", "password[]={{redacted:password__:#}}&ctl00%24" + longName + "%24Password={{redacted:ctl00_contentplaceholder1_contentplaceho:#}}"},
		{
			mediaParts,
			"--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nu\r\n--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np\r\nq\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nu\r\n--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{{redacted:password:#}}\r\n--b--\r\n",
		},
		{
			mediaParts,
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"token\"\r\n\r\nu\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"token\"\r\n\r\nu\r\n--b--\r\n",
		},
		{ // as .NET writes it, and others
			mediaParts,
			"--b\r\nContent-Disposition: form-data; name=password\r\n\r\np\r\n--b\r\nContent-Disposition: form-data;name=\"pin_token\"\r\n\r\nq\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=password\r\n\r\n{{redacted:password:#}}\r\n--b\r\nContent-Disposition: form-data;name=\"pin_token\"\r\n\r\n{{redacted:pin_token:#}}\r\n--b--\r\n",
		},
		{"application/grpc+json", "\x00\x00\x00\x00\x0d{\"token\":\"t\"}", "\x00\x00\x00\x00\x0d{\"token\":\"t\"}"}, // a mark would not fit the length
		{"application/grpc-web-text", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
		{
			mediaParts,
			"--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"token\":\"t\"}\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"token\":\"{{redacted:token:#}}\"}\r\n--b--\r\n",
		},
		{mediaParts, "--b\r\n\r\n<a name=\"token\">\r\n\r\n--b--\r\n", "--b\r\n\r\n<a name=\"token\">\r\n\r\n--b--\r\n"},
		{mediaParts, "--b\r\nContent-Disposition: form-data; name=\"tok", "--b\r\nContent-Disposition: form-data; name=\"tok"},
	} {
		x := responseWith(traffic.BodyOf([]byte(c.in)))
		if c.mediaType != "" {
			x.Response.Header = traffic.Fields{{Name: "content-type", Value: c.mediaType}}
		}
		_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
		b := parse(t, lines[0]).Response.Body
		if diff := cmp.Diff(c.want, hideHash(string(b.Inline))); diff != "" {
			t.Errorf("%s %s: %s", c.mediaType, c.in, diff)
		}
		if b.Size != int64(len(b.Inline)) {
			t.Errorf("size %d of %d bytes", b.Size, len(b.Inline))
		}
	}
}

func TestDecodedBodiesAreRedacted(t *testing.T) {
	x := responseWith(gzipped(t, `{"token":"t"}`), coded("gzip"))
	_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	want := `{"token":"{{redacted:token:#}}"}`
	if got := hideHash(string(parse(t, lines[0]).Response.Body.Inline)); got != want {
		t.Errorf("recorded as %s", got)
	}
}

func TestSidecarsAreRedacted(t *testing.T) {
	long := strings.Repeat("s", 3*windowSize)
	content := strings.Repeat(`{"id":1},`, 30_000) + `{"token":"t","private_key":"` + long + `","x":"y"}`
	path, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: responseWith(traffic.BodyOf([]byte(content)))})
	want := strings.Repeat(`{"id":1},`, 30_000) + `{"token":"{{redacted:token:#}}","private_key":"{{redacted:private_key:#}}","x":"y"}`
	if got := hideHash(bodyText(t, path, parse(t, lines[0]).Response.Body)); got != want {
		t.Errorf("got ...%s", got[len(got)-200:])
	}
}

func TestEqualSecretsHaveEqualMarks(t *testing.T) {
	mark := regexp.MustCompile(`redacted:[a-z_]+:([0-9a-f]{8})`)
	x := exchange(1)
	x.Request.Header = traffic.Fields{{Name: "Cookie", Value: "a=s3/cr+t; b=other"}}
	x.Request.URL.Target = "/?token=s3%2Fcr%2Bt"
	x.ResponseBody = traffic.BodyOf([]byte(`{"password":"s3\/cr+t"}`))
	marks := func() []string {
		_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
		var found []string
		for _, m := range mark.FindAllStringSubmatch(lines[0], -1) {
			found = append(found, m[1])
		}
		return found // in the order URL, a, b, body
	}
	m := marks()
	if len(m) != 4 || m[0] != m[1] || m[0] != m[3] || m[0] == m[2] {
		t.Errorf("marks %q", m)
	}
	if again := marks(); again[0] == m[0] {
		t.Error("another run has the same marks")
	}
}

func TestRedactionCanBeOff(t *testing.T) {
	x := exchange(1)
	x.Request.URL.Target = "/?token=clear"
	x.Request.Header = traffic.Fields{{Name: "Authorization", Value: "clear"}, {Name: "Cookie", Value: "a=clear"}}
	x.ResponseBody = traffic.BodyOf([]byte(`{"password":"clear"}`))
	path, lines := recorded(t, Options{Redaction: "off"}, traffic.ExchangeDone{Exchange: x})
	if strings.Count(lines[0], "clear") != 4 || open(t, path).Meta().Redaction != "off" {
		t.Error(lines[0])
	}
}

func TestIsSecret(t *testing.T) {
	for _, name := range []string{
		"token", "access_token", "refreshToken", "ID_TOKEN", "password", "user[password]", "user.password", "passwd",
		"secret", "client_secret", "api_key", "apikey", "api-key", "X-Api-Key", "auth", "Authorization",
		"Proxy-Authorization", "Cookie", "Set-Cookie", "session", "session_id", "sid", "private_key", "password_",
		"X-Amz-Signature", "connect.sid", "csrf_token", "-sid", "p_w_d",
		"password[]", "user[tokens][token][]", "token[0]", "token.10", "password2", "api_key_1", "assertion",
		strings.Repeat("x", 100) + "token", "X-Auth", "x-jwt", "X-JWT-Assertion",
	} {
		if !IsSecret(name) {
			t.Errorf("%s is not secret", name)
		}
	}
	for _, name := range []string{
		"", "t", "-", "[]", "id", "name", "tokens", "max_tokens", "token_type", "csrf", "author", "passes", "key",
		"next_page_token", "nextToken", "Sec-WebSocket-Key", "Idempotency-Key", "secretary", "inside", "user[name]",
		"password[hint]", "Content-Length", "0", "[0]", "id2", "sha256", "user[0][name]",
		strings.Repeat("x", 100) + "auth", "code", "Signature", "WWW-Authenticate", "to\xe9en",
	} {
		if IsSecret(name) {
			t.Errorf("%s is secret", name)
		}
	}
}

var grammars = []grammar{jsonGrammar{}, formGrammar{}, partsGrammar{}}

// whole redacts content at once.
func whole(r *redactor, g grammar, content []byte) []byte {
	s := scanner{grammar: g, redactor: r}
	out, _ := s.scan(nil, content, true)
	return out
}

// inWindows redacts content through windows of changing sizes.
func inWindows(t testing.TB, r *redactor, g grammar, content []byte, sizes *rand.Rand) []byte {
	s := scanner{grammar: g, redactor: r}
	var out []byte
	for window := 0; ; {
		window = min(len(content), window+1+sizes.IntN(300))
		final := window == len(content)
		var used int
		out, used = s.scan(out, content[:window], final)
		if final {
			return out
		}
		if window-used > minWindow+lookBehind {
			t.Fatalf("a window of %d bytes is not used up", window-used)
		}
		content = content[used:]
		window -= used
	}
}

// Redaction is the same however content is cut into windows, what has no secret
// stays as it is, JSON stays JSON, and marks are left alone.
func FuzzRedact(f *testing.F) {
	for i, seed := range []string{
		`{"user":"u","password":"p\"","n":{"token":12,"t":null}} `,
		`{"text":"\"password\":\"p\"","a":"\\","secret" : "x`,
		"user=u&password=p%20q&x=y=z&token=",
		`{"a":"{\"password\":\"p\\\"q\",\"token\" : 1}","u":"https:\/\/u:p@h\/?a=1\u0026token=t"}`,
		"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np\r\nq\r\n--b--\r\n",
	} {
		f.Add(uint8(i), uint64(i), []byte(seed))
	}
	r := newRedactor()
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, content []byte) {
		g := grammars[int(which)%len(grammars)]
		got := whole(r, g, content)
		sizes := rand.New(rand.NewPCG(seed, 0))
		if diff := cmp.Diff(string(got), string(inWindows(t, r, g, content, sizes))); diff != "" {
			t.Fatalf("windows differ: %s", diff)
		}
		if !bytes.Contains(got, []byte(markPrefix)) && !bytes.Equal(got, content) {
			t.Fatalf("%q became %q", content, got)
		}
		if g == (jsonGrammar{}) && !json.Valid(content) {
			return
		}
		if !bytes.Equal(got, whole(r, g, got)) {
			t.Fatalf("%q is redacted twice", content)
		}
		if g == (jsonGrammar{}) && !json.Valid(got) {
			t.Fatalf("%q is no longer JSON: %q", content, got)
		}
	})
}

// A line reads back as the exchange it was made of.
func FuzzRoundTrip(f *testing.F) {
	f.Add("GET", "/?a=1", "X-Name", "value", "OK", []byte("body"), uint32(3))
	f.Add("G\xffT", "/\xff?\x00", "x", "caf\xe9", "é", []byte{0xff}, uint32(1<<31))
	f.Fuzz(func(t *testing.T, method, target, name, value, reason string, body []byte, tenths uint32) {
		x := exchange(1)
		x.Request.Method, x.Request.URL.Target = method, target
		x.Request.Header = traffic.Fields{{Name: name, Value: value}, {Name: value, Value: name}}
		x.Response.Reason = reason
		x.Response.Header = nil
		x.ResponseBody = traffic.BodyOf(body)
		x.Duration = time.Duration(tenths) * 100 * time.Microsecond
		enc := newEncoder("", Options{Redaction: "off", InlineMax: -1})
		line, err := enc.appendExchange(nil, x)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(line, '\n') != len(line)-1 || !json.Valid(line) {
			t.Fatalf("not a line of JSON: %q", line)
		}
		if head := parseHead(line); head != (lineHead{TypeHTTP, 1, 1, 1, head.length}) {
			t.Fatalf("head %+v", head)
		}
		want := entryOf(x)
		if len(body) > 0 {
			want.Response.Body = &EntryBody{Size: int64(len(body)), Inline: body}
		}
		if diff := cmp.Diff(want, parse(t, string(line)), sameEntry); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever a line is, reading it does not panic, and its head is what its JSON
// says.
func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"type":"http","seq":2,"id":3,"conn":4,"request":{"headers":[["a","b"]],"body":{"size":1,"text":"x"}}}`))
	f.Add([]byte(`{"id":1,"type":"http"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		_, err := ParseEntry(line)
		if len(line) == 0 {
			return
		}
		head := parseHead(line)
		if err == nil && head.lineType != gjson.GetBytes(line, "type").String() {
			t.Fatalf("head %+v", head)
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("{\"type\":\"http\",\"seq\":2,\"id\":3}\n\n{\"typ"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file := open(t, write(t, metaLine+string(content)))
		err := file.Scan(func(l Line) error {
			raw, err := file.ReadLine(l.Offset, l.Length)
			if !bytes.Equal(raw, l.Raw) || l.Type == "" {
				t.Fatalf("line %+v", l)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestStoreReadsSlowContent(t *testing.T) {
	b := bodyStore{inlineMax: 100}
	got, err := b.store(iotest.OneByteReader(strings.NewReader("0123456789")), nil)
	if err != nil || string(got.bytes) != "0123456789" {
		t.Errorf("%q, error %v", got.bytes, err)
	}
	if _, err := b.store(iotest.ErrReader(io.ErrNoProgress), nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRedactBody(b *testing.B) {
	content := []byte(jsonOf(1 << 10))
	s := scanner{grammar: jsonGrammar{}, redactor: newRedactor()}
	var out []byte
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = s.scan(out[:0], content, true)
		s.skip = 0
	}
}

// What is no URL, or none that ends, is looked at once.
func TestManyURLsTakeNoTime(t *testing.T) {
	for _, content := range []string{"x://", "x://?", `"x://`, `{\"token\":\"`, `\"token\":`, `"token":`, `"toke\u006e":"`} {
		text := bytes.Repeat([]byte(content), 4<<20/len(content))
		start := time.Now()
		whole(newRedactor(), jsonGrammar{}, text)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q: %v", content, took)
		}
	}
}
