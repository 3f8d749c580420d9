package replay

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// recorded writes exchanges with the recorder itself and returns the path.
func recorded(t testing.TB, redaction string, exchanges ...*traffic.Exchange) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := record.Create(path, record.Options{Redaction: redaction})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range exchanges {
		x.ID, x.Conn = traffic.ExchangeID(i+1), 1
		x.Started = time.Now()
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// exchange returns a finished exchange of a request with a body, answered by
// its number.
func exchange(t testing.TB, method, url string, header fields, body string, number int) *traffic.Exchange {
	t.Helper()
	x := &traffic.Exchange{
		Client:  "127.0.0.1:50312",
		Request: newRequest(t, method, url, header, ""),
		Response: &traffic.Response{
			Status: 200, Reason: "OK", Proto: "HTTP/1.1", Header: fields{{"Content-Type", "text/plain"}}.traffic(),
		},
		ResponseBody: traffic.BodyOf([]byte(fmt.Sprint(number))),
		Duration:     time.Millisecond,
	}
	if body != "" {
		x.RequestBody = traffic.BodyOf([]byte(body))
	}
	return x
}

// asker is one request of a client, to be made again.
type asker struct {
	method, url string
	header      fields
	body        string
}

func (a asker) request(t testing.TB) *traffic.Request {
	return newRequest(t, a.method, a.url, a.header, a.body)
}

// TestRecordedIsFound records random requests, odd ones too, and asks for each
// of them again.
func TestRecordedIsFound(t *testing.T) {
	for _, redaction := range []string{"auto", "off"} {
		t.Run(redaction, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 7))
			var exchanges []*traffic.Exchange
			var askers []asker
			for i := range 300 {
				a := randomAsker(t, random)
				// The number makes each URL unique, and so each answer.
				a.url = strings.Replace(a.url, "N", fmt.Sprint(i), 1)
				askers = append(askers, a)
				exchanges = append(exchanges, exchange(t, a.method, a.url, a.header, a.body, i))
			}
			x := load(t, Options{}, recorded(t, redaction, exchanges...))
			for i, a := range askers {
				if got := answerTo(t, x, a.request(t)); got != fmt.Sprint(i) {
					t.Errorf("request %d %+q: got %s\n%s", i, a, got, x.Misses()[0])
				}
			}
		})
	}
}

func randomAsker(t testing.TB, r *rand.Rand) asker {
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	a := asker{
		method: pick("GET", "POST", "PUT", "DELETE", "get", "M-SEARCH"),
		url: pick("http://h", "https://Example.COM:443", "http://[::1]:8080", "http://h:80") +
			pick("/N", "/N/%7e%2f|", "/N/%zz", "/N/\xff\xfe", "/N//x/", "/N/ü") +
			pick("", "?", "?a=1&b=2", "?a=1;b=2&c=%zz", "?token=abc&x", "?=&&=1", "?q=\xff&password=%20+", "?a=b=c"),
	}
	body := pick("", "x", `{"a":1,"password":"p","n":12345678901234567890}`, `{"token":123,"list":[{"secret":"s"},null]}`,
		"a=1&password=p+q&token", "{\"broken\":", "\x00\xff\xfe binary", form("b", "password", "p"), strings.Repeat("long ", 20_000),
		"{\"token\":\"a\"}\n{\"token\":\"b\"}\n")
	if body == "" {
		return a
	}
	a.body = body
	contentType := pick("", "application/json", "application/vnd.api+json", "text/plain; charset=utf-8", formType,
		"multipart/form-data; boundary=b", "application/octet-stream", "application/x-ndjson")
	if strings.Contains(contentType, "multipart") && !strings.HasPrefix(body, "--") || contentType == formType && strings.HasPrefix(body, "{") ||
		strings.HasPrefix(body, "--") && !strings.Contains(contentType, "multipart") || strings.HasPrefix(contentType, "text/") && !strings.HasPrefix(body, "{") {
		contentType = "application/octet-stream" // what is not of its type is compared as bytes, marks included
	}
	if contentType != "" {
		a.header = fields{{"Content-Type", contentType}}
	}
	if coding := pick("", "gzip", "br", "zstd", "deflate"); coding != "" {
		a.header = append(a.header, [2]string{"Content-Encoding", coding})
		a.body = encode(t, coding, body)
	}
	return a
}

func TestRecordedStreamIsReplayed(t *testing.T) {
	x := exchange(t, "GET", "http://h/events", nil, "", 0)
	x.Response.Header = fields{{"Content-Type", "text/event-stream"}, {"Transfer-Encoding", "chunked"}}.traffic()
	body := traffic.NewBody(-1)
	for i, piece := range []string{"data: one\n\n", "data: two\n\n"} {
		body.Append([]byte(piece))
		body.Mark(time.Duration(i+1)*10*time.Millisecond, len(piece))
	}
	x.ResponseBody = body
	index := load(t, Options{Timing: Recorded}, recorded(t, "auto", x))
	began := time.Now()
	resp, err := index.RoundTrip(t.Context(), newRequest(t, "GET", "http://h/events", nil, ""))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := resp.Body.Read(b); err != nil || string(b[:n]) != "data: one\n\n" {
		t.Errorf("first piece %q, %v", b[:n], err)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "data: two\n\n" {
		t.Errorf("rest %q, %v", rest, err)
	}
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// TestOtherSecretsAreFound makes each request again as the next user would, who has
// other secrets.
func TestOtherSecretsAreFound(t *testing.T) {
	tests := map[string]struct{ contentType, target, body, again, againBody string }{
		"code in a query":   {"", "/cb?code=SECRET&state=1", "", "/cb?code=other&state=1", ""},
		"signature":         {"", "/f?Expires=1&Signature=SECRET", "", "/f?Expires=1&Signature=other", ""},
		"code in a form":    {formType, "/t", "grant_type=authorization_code&code=SECRET&code_verifier=SECRET", "/t", "grant_type=authorization_code&code=c&code_verifier=v"},
		"JSON in a string":  {jsonType, "/t", `{"body":"{\"password\":\"SECRET\"}"}`, "/t", `{"body":"{\"password\":\"other\"}"}`},
		"URL in a string":   {jsonType, "/t", `{"url":"https://h/?token=SECRET"}`, "/t", `{"url":"https://h/?token=other"}`},
		"escaped key":       {jsonType, "/t", `{"\u0074oken":"SECRET"}`, "/t", `{"\u0074oken":"other"}`},
		"script":            {"application/javascript", "/t", `{"token":"SECRET"}`, "/t", `{"token":"other"}`},
		"JSON part of form": {"multipart/form-data; boundary=b", "/t", "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{\"token\":\"SECRET\"}\r\n--b--\r\n", "/t", "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{\"token\":\"other\"}\r\n--b--\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := fields{{"Content-Type", test.contentType}}
			path := recorded(t, "auto", exchange(t, "POST", "http://h"+test.target, header, test.body, 7))
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(raw), "SECRET") {
				t.Errorf("recorded: %s", raw)
			}
			x := load(t, Options{}, path)
			if got := answerTo(t, x, newRequest(t, "POST", "http://h"+test.again, header, test.againBody)); got != "7" {
				t.Errorf("got %s", got)
			}
		})
	}
}
