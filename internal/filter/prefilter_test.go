package filter_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// quoted returns s as a recording spells it: bytes that are not UTF-8 as the
// characters of their numbers.
func quoted(s string) string {
	if !utf8.ValidString(s) {
		runes := make([]rune, len(s))
		for i := range len(s) {
			runes[i] = rune(s[i])
		}
		s = string(runes)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// contentMember returns the member that has content.
func contentMember(content []byte) string {
	if utf8.Valid(content) {
		return `"text":` + quoted(string(content))
	}
	return `"base64":"` + base64.StdEncoding.EncodeToString(content) + `"`
}

func headerMember(fs traffic.Fields) string {
	var list []string
	for _, f := range fs {
		list = append(list, "["+quoted(f.Name)+","+quoted(f.Value)+"]")
	}
	return `,"headers":[` + strings.Join(list, ",") + "]"
}

func listMember(name string, labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	var list []string
	for _, label := range labels {
		list = append(list, quoted(label))
	}
	return `,"` + name + `":[` + strings.Join(list, ",") + "]"
}

// lineOf returns the line of a recording for a subject.
func lineOf(s *filter.Subject) []byte {
	const when = `,"at":"2026-11-20T23:44:04.020114Z","us":1020114`
	switch {
	case s.Frame != nil:
		f := s.Frame
		return fmt.Appendf(nil, `{"type":"ws.frame","seq":8,"id":7,"n":1%s,"dir":"%s","opcode":%d,"fin":true,"length":%d,%s}`,
			when, f.Dir, f.Opcode, f.Length, contentMember(f.Payload))
	case s.Close != nil:
		return fmt.Appendf(nil, `{"type":"ws.close","seq":9,"id":7%s,"code":%d,"reason":"","by":"server","ms":5.0}`, when, s.Close.Code)
	case s.Tunnel != nil:
		return fmt.Appendf(nil, `{"type":"tunnel","seq":9,"conn":9%s,"client":"127.0.0.1:5","target":%s,"sni":%s,"bytesUp":1000}`,
			when, quoted(s.Tunnel.Target), quoted(s.Tunnel.SNI))
	case s.TLSFailed != nil:
		return fmt.Appendf(nil, `{"type":"tls","seq":9,"conn":6%s,"client":"127.0.0.1:5","failure":"closed","sni":%s}`, when, quoted(s.TLSFailed.SNI))
	}
	return exchangeLine(s, when)
}

func exchangeLine(s *filter.Subject, when string) []byte {
	x := s.Exchange
	kind, u := "http", x.Request.URL.String()
	if x.WS != nil {
		kind, u = "ws.open", "ws"+strings.TrimPrefix(u, "http")
	}
	out := fmt.Appendf(nil, `{"type":"%s","seq":2,"id":7,"conn":3%s,"client":%s,"request":{"method":%s,"url":%s,"proto":"HTTP/1.1"%s`,
		kind, when, quoted(x.Client), quoted(x.Request.Method), quoted(u), headerMember(x.Request.Header))
	body := func(dir traffic.Direction, b *traffic.Body) {
		if content := s.Content(dir); content != nil {
			out = fmt.Appendf(out, `,"body":{"size":%d,%s`, len(content), contentMember(content))
			if b != nil && b.Size() != int64(len(content)) {
				out = fmt.Appendf(out, `,"wire":{"coding":"gzip","size":%d}`, b.Size())
			}
			out = append(out, '}')
		}
		out = append(out, '}')
	}
	body(traffic.ClientToServer, x.RequestBody)
	if x.Response != nil {
		out = fmt.Appendf(out, `,"response":{"status":%d,"reason":"","proto":"HTTP/1.1"%s`, x.Response.Status, headerMember(x.Response.Header))
		body(traffic.ServerToClient, x.ResponseBody)
	}
	if x.Received != nil {
		out = append(out, `,"received":{"status":200,"headers":[],"body":{"size":7,"text":"ms","wire":{"coding":"br","size":3}}}`...)
	}
	if x.Failure != nil {
		out = append(out, `,"error":{"kind":"dns","side":"upstream","text":"gone"}`...)
	}
	out = fmt.Appendf(out, `,"ms":%.1f%s%s`, x.Duration.Seconds()*1000, listMember("rules", x.Rules), listMember("tags", x.Tags))
	return append(out, '}')
}

// snippets are parts that values, and what they are looked for in, are made of.
var snippets = []string{
	"a", "Api", "example", ".", "/", "k", "S", "\u212a", "\u017f", "é", `"`, `\`, "\n", "x=1", "404", "error", "file",
	`\u0061`, "\xff", "<", "&", "base64", ",\"url\":\"h", ",\"ms\":1,", ",\"body\":{\"size\":9", `"response":{"status":200,`, "*", "?", "http", "json",
}

func mix(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(snippets[r.IntN(len(snippets))])
	}
	return b.String()
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

func randomSubject(r *rand.Rand) *filter.Subject {
	x := exchange(pick(r, "http", "https", "ws") + "://" + pick(r, "api.example.com", "a", "A.K:8080") + "/")
	x.Request.URL.Target += mix(r, 4)
	x.Request.Method = pick(r, "GET", "post", "K")
	x.Request.Header = append(x.Request.Header, traffic.Field{Name: pick(r, "X-Id", "Content-Type"), Value: mix(r, 3)})
	x.Duration = time.Duration(r.IntN(20_000)) * 100 * time.Microsecond
	contents := [2][]byte{pick(r, nil, []byte(mix(r, 4))), pick(r, nil, []byte(mix(r, 4)))}
	x.ResponseBody, x.Response.Length = nil, 0
	if contents[1] != nil {
		x.ResponseBody = traffic.BodyOf(make([]byte, pick(r, len(contents[1]), 100)))
	}
	if r.IntN(4) == 0 {
		x.Received = &traffic.Response{}
	}
	s := &filter.Subject{Exchange: x, Content: func(d traffic.Direction) []byte { return contents[d] }}
	x.Response.Status, x.Response.Source = pick(r, 200, 404, 500), pick(r, traffic.SourceOrigin, traffic.SourceRule, traffic.SourceReplay)
	x.Response.Header = traffic.Fields{{Name: "Content-Type", Value: pick(r, "application/problem+json", "text/event-stream", mix(r, 2))}}
	x.Rules, x.Tags = pick(r, nil, []string{mix(r, 2)}), pick(r, nil, []string{"replayed"}, []string{mix(r, 2)})
	if r.IntN(4) == 0 {
		x.Failure, x.Response = &traffic.Failure{Kind: traffic.FailDNS}, nil
	}
	switch r.IntN(8) {
	case 0, 1:
		s = frameOf(traffic.Direction(r.IntN(2)), pick(r, traffic.OpText, traffic.OpBinary, traffic.OpClose), mix(r, 4))
		s.Exchange = pick(r, nil, x)
	case 2:
		s = closeOf(pick(r, 1000, 1006))
	case 3:
		s = tunnel()
		s.Tunnel.SNI = pick(r, "", "api.example.com")
	case 4:
		s = tlsFailed()
	case 5:
		x.WS = &traffic.WebSocket{}
	}
	return s
}

func randomExpr(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(2) == 0 {
		a, b := randomExpr(r, depth-1), randomExpr(r, depth-1)
		return pick(r, "not ("+a+")", "("+a+") ("+b+")", a+" or "+b)
	}
	value := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(mix(r, 2)) + `"`
	if r.IntN(4) == 0 {
		value = pick(r, "*api*", "api", "example.com", "/K", "s*k", "a,b", "json", "k")
	}
	field := pick(r, "url", "path", "host", "type", "header:x-id", "header:content-type", "body", "bq", "bs",
		"frame", "text", "rule", "tag", "method", "proto", "ip", "header:a")
	return pick(
		r, field+pick(r, ":", "=", "!=")+value,
		pick(r, "ws", "wss", "http", "https",
			"h1", "h2", "sse", "grpc", "tcp", "tls", "error", "pending", "replayed", "mocked", "modified", "req", "res", "all"),
		pick(r, "status:4xx", "status!=200", "status>=404", "method:get", "method!=GET,K", "dir:in", "dir!=in", "opcode:text",
			"opcode!=text,close", "close:1000", "dur>0", "dur<1s", "dur>=100", "dur!=500", "size>=0", "size:100", "size<10", "size!=7", "size>2", "id:7", "conn:6", "port:80", "json:a", "header:x-id"),
	)
}

// checkSound reports a line that the prefilter rejects though it matches.
func checkSound(t *testing.T, expr string, s *filter.Subject) {
	t.Helper()
	f, err := filter.Parse(expr)
	if err != nil || f.Prefilter() == nil {
		return
	}
	if raw := lineOf(s); !f.Prefilter().MayMatch(raw) && f.Match(s) {
		t.Errorf("%s matches what the prefilter rejects:\n%s", expr, raw)
	}
}

func TestPrefilterRejectsNothingThatMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkSound(t, randomExpr(r, 2), randomSubject(r))
	}
}

func TestPrefilterRejects(t *testing.T) {
	textFrame := frameOf(traffic.ServerToClient, traffic.OpText, "hello world")
	tests := []struct {
		expr    string
		subject *filter.Subject
		want    bool
	}{
		{"status:5xx", order(), false},
		{"status:4xx", order(), true},
		{"not status:404", order(), false},
		{"status:5xx or error", order(), false},
		{"ws", order(), false},
		{"not ws", textFrame, false},
		{"host:nowhere", order(), false},
		{"host:api", order(), true},
		{"host:nowhere", textFrame, true}, // frames inherit
		{"method:GET", order(), false},
		{"text:nowhere", textFrame, false},
		{"text:WORLD", textFrame, true},
		{"dir:out", textFrame, false},
		{"opcode:binary,ping", textFrame, false},
		{"http", textFrame, false},
		{"tcp", order(), false},
		{"text:nowhere or dur>1s", textFrame, false},
		{"dur>1s and body:nowhere", order(), false},
		{"body:nowhere or comment:x", order(), true},
		{"dur>100s", order(), false},
		{"dur<1s", order(), true},
		{"size>1MB", order(), false},
		{"size:2048", order(), true}, // on the wire
		{"size>11", textFrame, false},
		{"size:11", textFrame, true},
	}
	for _, test := range tests {
		if got := parse(t, test.expr).Prefilter().MayMatch(lineOf(test.subject)); got != test.want {
			t.Errorf("%s: got %v, want %v", test.expr, got, test.want)
		}
	}
	if parse(t, "comment:x or held").Prefilter() != nil {
		t.Error("nothing can be said of comments")
	}
}

func TestPrefilterPassesWhatOthersNeed(t *testing.T) {
	f := parse(t, "tcp and status:500").Prefilter()
	for _, raw := range []string{
		`{"type":"ws.open","seq":7,"id":5}`, `{"type":"ws.close","seq":7,"id":5}`, `{"type":"meta","seq":1}`,
		`{"type":"end","seq":9}`, `{"type":"new","seq":9}`, `{ "type": "http"}`, `{"seq":1,"type":"http"}`, "", "torn",
	} {
		if !f.MayMatch([]byte(raw)) {
			t.Errorf("%s is rejected", raw)
		}
	}
}

func FuzzPrefilter(f *testing.F) {
	f.Add("url:api or not text:a", uint64(1))
	f.Add("path:/k and status:4xx", uint64(2))
	f.Fuzz(func(t *testing.T, expr string, seed uint64) {
		checkSound(t, expr, randomSubject(rand.New(rand.NewPCG(seed, 0))))
	})
}

func FuzzParse(f *testing.F) {
	for _, expr := range []string{
		"", "status:5xx or error", "ws host:a opcode:text", `json:a.#(b=="c").d=3,"x y"`, "header:x-id~^a(b|c){1,2}",
		"not (a, b) && /x/i", "~u a & ~hq 'b'", "dur >= 1.5s size<1MB", "(((", "url:a||b", `body:"\"\\`,
	} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		parsed, err := filter.Parse(expr)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error says nothing")
			}
			return
		}
		s, text := order(), parsed.String()
		want := parsed.Match(s)
		again, err := filter.Parse(text)
		if len(text) > 8<<10 {
			return // the limit is on what users write
		}
		if err != nil {
			t.Fatalf("%q becomes %q: %v", expr, text, err)
		}
		if got := again.String(); got != text || again.Match(s) != want {
			t.Errorf("%q becomes %q, then %q", expr, text, got)
		}
	})
}

func BenchmarkPrefilter(b *testing.B) {
	s := order()
	s.Content = func(traffic.Direction) []byte {
		return bytes.Repeat([]byte(`{"type":"message","room":"general","user":"alice","text":"hello world"},`), 50)
	}
	raw := lineOf(s)
	for _, expr := range []string{
		"body:nowhere", "status:5xx or error", "ws", "host:nowhere", "text:x", "dur>100s", "size>1MB",
	} {
		b.Run(expr, func(b *testing.B) {
			f := parse(b, expr).Prefilter()
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				f.MayMatch(raw)
			}
		})
	}
}
