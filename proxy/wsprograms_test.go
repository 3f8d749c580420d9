package proxy_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	coder "github.com/coder/websocket"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// originHost is the name under which programs know the origin.
const originHost = "origin.test"

// programPatience is how long a program may take: a browser starts slowly.
const programPatience = time.Minute

// clients is where the scripts for programs are.
var clients = filepath.Join("..", "testdata", "clients")

// program is a WebSocket client of its own. It sends what a task says, expects
// what that says in return, and closes; an error says what was wrong.
type program struct {
	missing func() bool
	run     func(ctx context.Context, t *testing.T, task programTask) error
}

var programs = map[string]program{
	"node":     {missingNode, runNode},
	"chromium": {func() bool { return chromium() == "" }, runChromium},
}

// programTask is what the scripts in testdata/clients read as JSON.
type programTask struct {
	URL      string           `json:"url"`
	Proxy    string           `json:"proxy"`
	Deflate  bool             `json:"deflate"`
	Messages []programMessage `json:"messages"`
	Expect   []programMessage `json:"expect"`
}

type programMessage struct {
	Binary bool   `json:"binary"`
	Data   []byte `json:"data"`
	Parts  int    `json:"parts"`
}

func forProgram(list []message) []programMessage {
	out := make([]programMessage, len(list))
	for i, m := range list {
		out[i] = programMessage{Binary: m.opcode == traffic.OpBinary, Data: m.data, Parts: 1 + i%2}
	}
	return out
}

// TestWebSocketFilterPrograms edits conversations of Node's ws and of a browser,
// which go on, with context takeover and without.
func TestWebSocketFilterPrograms(t *testing.T) {
	modes := map[string]coder.CompressionMode{
		"takeover": coder.CompressionContextTakeover, "no takeover": coder.CompressionNoContextTakeover,
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			if program.missing() {
				t.Skipf("%s is not installed: it was NOT tested with filters", name)
			}
			t.Parallel()
			for mode, compression := range modes {
				for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
					t.Run(fmt.Sprintf("%s, %v", mode, dir), func(t *testing.T) { testFilterProgram(t, program, compression, dir) })
				}
			}
		})
	}
}

func testFilterProgram(t *testing.T, program program, mode coder.CompressionMode, dir traffic.Direction) {
	sent := messages(1000)
	if testing.Short() || raceEnabled {
		sent = sent[:100]
	}
	want, opts := editing(sent, dir)
	origin := httptest.NewServer(echo(func(w http.ResponseWriter, r *http.Request, _ bool) (peer, error) {
		conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode, InsecureSkipVerify: true})
		if err != nil {
			return nil, err
		}
		conn.SetReadLimit(-1)
		return coderPeer{conn, r.Context()}, nil
	}, true))
	t.Cleanup(origin.Close)
	opts.Network = &proxy.Network{Resolve: map[string]string{originHost + ":80": origin.Listener.Addr().String()}}
	p, _ := intercepting(t, opts)
	ctx, cancel := context.WithTimeout(t.Context(), programPatience)
	defer cancel()
	err := program.run(ctx, t, programTask{
		URL: "ws://" + originHost + "/", Proxy: "http://" + p.addr, Deflate: true, Messages: forProgram(sent), Expect: forProgram(want),
	})
	if err != nil {
		t.Fatal(err)
	}
	if closed := closedWS(t, p); closed.Code != 1000 {
		t.Errorf("closed %+v", closed)
	}
	ws := waitEvent[traffic.WSOpened](t, p).WS
	wanted := map[coder.CompressionMode]traffic.Deflate{
		coder.CompressionContextTakeover: traffic.DeflateTakeover, coder.CompressionNoContextTakeover: traffic.DeflateNoTakeover,
	}[mode]
	if ws.Deflate[dir] != wanted {
		t.Errorf("agreed on %+v", ws)
	}
}

func missingNode() bool {
	_, err := exec.LookPath("node")
	_, noWS := os.Stat(filepath.Join(clients, "node_modules", "ws"))
	return err != nil || noWS != nil
}

func runNode(ctx context.Context, _ *testing.T, task programTask) error {
	input, err := json.Marshal(task)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(clients, "echo.mjs"))
	cmd.Stdin = bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("node: %w\n%s", err, out)
	}
	return nil
}

// chromium returns the path of the browser, "" for none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// runChromium has the browser load echo.html, which reports to the server it
// came from. Only the origin's host is asked for through the proxy.
func runChromium(ctx context.Context, t *testing.T, task programTask) error {
	reported := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(clients, "echo.html"))
	})
	mux.HandleFunc("GET /task", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(task) })
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		var text bytes.Buffer
		_, _ = text.ReadFrom(r.Body)
		select {
		case reported <- text.String():
		default: // what follows the first report is no news
		}
	})
	mux.HandleFunc("GET /reported", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(ctx)
	script := fmt.Sprintf("function FindProxyForURL(url, host) { return host === %q ? 'PROXY %s' : 'DIRECT'; }", originHost, task.Proxy[len("http://"):])
	cmd := exec.CommandContext(ctx, chromium(), "--headless", "--remote-debugging-port=0", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--user-data-dir="+nectest.ProfileDir(t),
		"--proxy-pac-url=data:application/x-ns-proxy-autoconfig;base64,"+base64.StdEncoding.EncodeToString([]byte(script)),
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", server.URL)
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case got := <-reported:
		if got != "same" {
			return fmt.Errorf("chromium: %s", got)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
