package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// evilPage tries all that a page can do to a server, and reports what it managed.
const evilPage = `<!doctype html><script>
const events = %q, token = %q, done = [];
const tries = {
  read: () => fetch(events + '/api/traffic').then((r) => r.text()),
  poll: () => fetch(events + '/socket.io/?EIO=4&transport=polling').then((r) => r.text()),
  listen: () => new Promise((ok, no) => {
    const s = new WebSocket(events.replace('http', 'ws') + '/socket.io/?EIO=4&transport=websocket');
    s.onmessage = (m) => m.data[0] === '0' ? s.send('40' + (token ? JSON.stringify({token}) : '')) : m.data.startsWith('40') ? ok() : no();
    s.onerror = s.onclose = no;
  }),
  resume: () => fetch(events + '/api/breakpoints/hits/hit-1/abort', {method: 'POST', mode: 'no-cors'}),
  inject: () => fetch(events + '/api/websocket/x-1/send', {method: 'POST', mode: 'no-cors', body: '{"direction":"client-to-server","data":"x"}'}),
  bearer: () => token ? fetch(events + '/api/traffic', {headers: {Authorization: 'Bearer ' + token}}).then((r) => r.ok ? 0 : Promise.reject()) : Promise.reject(),
};
const all = Object.entries(tries).map(([name, fn]) => fn().then(() => done.push(name), () => {}));
Promise.all(all).then(() => fetch('/report', {method: 'POST', body: JSON.stringify(done.sort())}));
</script><img src="/reported">`

// control counts what was done to it.
type control struct{ resumed, injected atomic.Int32 }

func (*control) Hits() []*traffic.Hit { return nil }

func (c *control) Resume(traffic.HitID, traffic.Resume) error {
	c.resumed.Add(1)
	return nil
}

func (c *control) Inject(traffic.ExchangeID, traffic.Injection) error {
	c.injected.Add(1)
	return nil
}

// TestPagesInChromium lets a page of another site, of this machine, and of a name
// that resolves to this machine try to read, resume and inject.
func TestPagesInChromium(t *testing.T) {
	if missing := missingChromium(); missing != "" {
		t.Skip("not installed: " + missing)
	}
	const token = "0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		name  string
		page  string // the host of the page
		event string // the host that the page uses for the event server
		token string
		// origins may connect with the token.
		origins []string
		relayed bool // the page is from a port of necto's
		want    []string
		resumed bool
	}{
		{name: "other site", page: "evil.example", event: "127.0.0.1", want: []string{"inject", "resume"}}, // were sent, and refused
		{name: "rebound name", page: "evil.example", event: "evil.example", want: []string{"inject", "resume"}},
		{name: "this machine", page: "localhost", event: "127.0.0.1", want: []string{"inject", "listen", "poll", "read", "resume"}, resumed: true},
		{name: "site that necto relays", page: "localhost", event: "localhost", relayed: true, want: []string{"inject", "resume"}},
		{
			name: "site allowed, with the token", page: "app.example", event: "127.0.0.1", token: token, origins: []string{"*"},
			want: []string{"bearer", "inject", "listen", "poll", "resume", "read"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := new(control)
			s := eventserver.New(eventserver.Options{
				Access: eventserver.Access{
					Token: token, Origins: test.origins, Relays: func(int) bool { return test.relayed },
				},
				Breakpoints: c, Frames: c,
			})
			server := httptest.NewServer(s.Handler())
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), farewell)
				defer cancel()
				s.Close(ctx)
				server.Close()
			})
			done := browse(t, test.page, onHost(t, server.URL, test.event), test.token)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, done); diff != "" {
				t.Errorf("what the page could do (-want +got):\n%s", diff)
			}
			if got := c.resumed.Load() > 0; got != test.resumed || c.injected.Load() > 0 {
				t.Errorf("resumed %v, want %v; injected %d", got, test.resumed, c.injected.Load())
			}
		})
	}
}

// onHost returns the address under another name.
func onHost(t *testing.T, address, host string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + host + ":" + u.Port()
}

// browse lets Chromium load the page from a host, and returns what it managed.
func browse(t *testing.T, host, events, token string) []string {
	t.Helper()
	reported := make(chan []string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, evilPage, events, token)
	})
	ended := make(chan struct{})
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		var done []string
		if err := json.NewDecoder(r.Body).Decode(&done); err != nil {
			t.Error(err)
		}
		reported <- done
		close(ended)
	})
	mux.HandleFunc("GET /reported", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-ended:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	path, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wsPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--headless", "--dump-dom", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--no-proxy-server",
		"--user-data-dir="+nectest.ProfileDir(t), "--host-resolver-rules=MAP *.example 127.0.0.1, MAP localhost 127.0.0.1",
		onHost(t, site.URL, host))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	select {
	case done := <-reported:
		return done
	default:
		t.Fatalf("no report\n%s", out.Bytes())
		return nil
	}
}
