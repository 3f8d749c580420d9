package tail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// answered is the line of an exchange of so many tenths of a millisecond.
func answered(id int, method, url string, status, tenths int) string {
	return fmt.Sprintf(`{"type":"http","seq":2,"id":%d,"conn":1,%s,"request":{"method":%q,"url":%q,"body":{"size":3,"text":"abc"}},`+
		`"response":{"status":%d,"body":{"size":100,"text":"a","wire":{"coding":"gzip","size":50}}},"ms":%d.%d}`+"\n",
		id, at(0), method, url, status, tenths/10, tenths%10)
}

func statsRecording() string {
	var b strings.Builder
	b.WriteString(metaLine)
	for i := 1; i <= 100; i++ {
		status := 200
		if i%10 == 0 {
			status = 503
		}
		b.WriteString(answered(i, "GET", fmt.Sprintf("https://api.example.com/users/%d?page=2", i), status, 10*i))
	}
	b.WriteString(answered(101, "POST", "https://api.example.com/users", 404, 5))
	b.WriteString(`{"type":"http","seq":2,"id":102,"conn":1,` + at(0) + `,"request":{"method":"GET","url":"http://nowhere.test/"},` +
		`"error":{"kind":"dns","side":"upstream","text":"no"},"ms":3.1}` + "\n")
	b.WriteString(`{"type":"http.pending","seq":2,"id":103,"conn":1,` + at(0) + `,"request":{"method":"GET","url":"http://slow.test/"}}` + "\n")
	b.WriteString(opened(104, "ws://c/") + framed(104, 1, `"dir":"client-to-server","opcode":1,"fin":true,"length":2,"text":"Hi"`) +
		framed(104, 1, `"dir":"server-to-client","opcode":1,"fin":true,"length":3,"text":"all"`) + closed(104, 2, `"code":1000`) + opened(105, "ws://c/"))
	return b.String()
}

func TestStats(t *testing.T) {
	want := `   count  errors       p50       p95       p99       sent   received  host and route
     101    9.9%    50.0ms    95.0ms    99.0ms      303 B    4.9 KiB  api.example.com
     100   10.0%    50.0ms    95.0ms    99.0ms      300 B    4.9 KiB    GET /users/{id}
       1    0.0%     0.5ms     0.5ms     0.5ms        3 B       50 B    POST /users
       1  100.0%     3.1ms     3.1ms     3.1ms        0 B        0 B  nowhere.test
       1  100.0%     3.1ms     3.1ms     3.1ms        0 B        0 B    GET /
     102   10.8%    49.0ms    95.0ms    99.0ms      303 B    4.9 KiB  all hosts

slowest
 100.0ms  503  GET   https://api.example.com/users/100?page=2
  99.0ms  200  GET   https://api.example.com/users/99?page=2
  98.0ms  200  GET   https://api.example.com/users/98?page=2
  97.0ms  200  GET   https://api.example.com/users/97?page=2
  96.0ms  200  GET   https://api.example.com/users/96?page=2

1 exchange not ended

websocket
2 connections, 1 closed
-->  1 frame, 2 B
<--  1 frame, 3 B
`
	if diff := cmp.Diff(want, printed(t, statsRecording(), Options{Stats: true})); diff != "" {
		t.Error(diff)
	}
	if got := printed(t, metaLine, Options{Stats: true}); got != "nothing to sum up\n" {
		t.Errorf("of nothing: %q", got)
	}
	for width := 40; width < 120; width += 5 {
		for line := range strings.Lines(printed(t, statsRecording(), Options{Stats: true, Width: columnsOf(width)})) {
			if columns(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("too long for %d columns: %s", width, line)
			}
		}
	}
}

func TestStatsAsJSON(t *testing.T) {
	var got struct {
		Count, Errors, Pending int
		P95                    float64
		Hosts                  []struct {
			Host   string
			Count  int
			Routes []struct {
				Route          string
				Count          int
				P50            float64
				Sent, Received int64
			}
		}
		Slowest []struct {
			MS     float64
			Status int
			URL    string
		}
		WebSocket struct {
			Connections, Closed int
			Frames              map[string]struct{ Count, Bytes int64 }
		}
	}
	if err := json.Unmarshal([]byte(printed(t, statsRecording(), Options{Stats: true, JSON: true})), &got); err != nil {
		t.Fatal(err)
	}
	route := got.Hosts[0].Routes[0]
	if got.Count != 102 || got.Errors != 11 || got.Pending != 1 || got.P95 != 95 || got.Hosts[0].Host != "api.example.com" ||
		route.Route != "GET /users/{id}" || route.P50 != 50 || route.Sent != 300 || route.Received != 5000 ||
		len(got.Slowest) != 5 || got.Slowest[0].MS != 100 || got.Slowest[0].Status != 503 ||
		got.WebSocket.Connections != 2 || got.WebSocket.Frames["server-to-client"].Bytes != 3 {
		t.Errorf("got %+v", got)
	}
}

// However many routes there are, memory is bounded and nothing is left out.
func TestStatsOfManyRoutes(t *testing.T) {
	var b strings.Builder
	b.WriteString(metaLine)
	const many = 3 * maxRoutes
	for i := range many {
		b.WriteString(answered(i+1, "GET", fmt.Sprintf("http://host%d/word-%d", i%100, i), 200, 1))
	}
	for i := range 10 {
		b.WriteString(answered(many+i+1, "GET", fmt.Sprintf("http://new%d/", i), 200, 1))
	}
	got := printed(t, b.String(), Options{Stats: true})
	if lines := strings.Count(got, "\n"); lines > maxRoutes+250 {
		t.Errorf("%d lines", lines)
	}
	for _, want := range []string{"(other)", fmt.Sprintf("%8d    0.0%%", many+10)} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

func TestRoutes(t *testing.T) {
	for target, want := range map[string]string{
		"/":             "GET /",
		"/users/42":     "GET /users/{id}",
		"/users/42?x=1": "GET /users/{id}",
		"/v1/users/me":  "GET /v1/users/me",
		"/f/deadbeef":   "GET /f/deadbeef",
		"/f/deadbee5":   "GET /f/{id}",
		"/f/bee5":       "GET /f/bee5",
		"/a/01890b2e-7c4a-7b6e-9c1d-0123456789ab/b": "GET /a/{id}/b",
		"/a/01890B2E-7C4A-7B6E-9C1D-0123456789AB":   "GET /a/{id}",
		"/a/01890b2e7c4a-7b6e-9c1d-0123456789ab-":   "GET /a/01890b2e7c4a-7b6e-9c1d-0123456789ab-",
		"/2026-11-20":                   "GET /2026-11-20",
		"*":                             "GET *",
		"/" + strings.Repeat("x", 1000): "GET /" + strings.Repeat("x", maxRoute-5),
	} {
		if got := routeOf(&traffic.Request{Method: "GET", URL: traffic.URL{Target: target}}); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}
