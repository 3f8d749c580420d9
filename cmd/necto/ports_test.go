package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// portsPatience is how long tests wait for what is about to happen.
const portsPatience = 15 * time.Second

// rows gives out ports in a row. They are below those that systems give to connections,
// and no two tests of this process get the same ones.
var rows = struct {
	sync.Mutex
	next int
}{next: 20_000 + rand.IntN(6_000)}

// takeRow returns the first of n free ports in a row, 0 if there are none.
func takeRow(n int) int {
	rows.Lock()
	defer rows.Unlock()
	for rows.next+n < 32_768 {
		first := rows.next
		rows.next += n
		if areFree(first, n) {
			return first
		}
	}
	return 0
}

// freePorts is takeRow for a test.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	first := takeRow(n)
	if first == 0 {
		t.Fatalf("there are no %d free ports in a row", n)
	}
	return first
}

// portsInARow sets variables to free ports: "portrow NAME N" sets NAME_0, NAME_1 and so
// on.
func portsInARow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: portrow NAME N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	first := takeRow(n)
	if first == 0 {
		ts.Fatalf("there are no %d free ports in a row", n)
	}
	for i := range n {
		ts.Setenv(fmt.Sprintf("%s_%d", args[0], i), strconv.Itoa(first+i))
	}
}

func areFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", addrOf(port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func addrOf(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// upstreamProxy answers all requests itself. It can go away and come back.
type upstreamProxy struct {
	t      testing.TB
	addr   string
	server *http.Server
}

// newUpstreamProxy starts one.
func newUpstreamProxy(t testing.TB) *upstreamProxy {
	t.Helper()
	u := &upstreamProxy{t: t, addr: "127.0.0.1:0"}
	u.start()
	t.Cleanup(u.stop)
	return u
}

func (u *upstreamProxy) start() {
	u.t.Helper()
	l, err := net.Listen("tcp", u.addr)
	if err != nil {
		u.t.Fatal(err)
	}
	u.addr = l.Addr().String()
	u.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "through %s to %s", u.addr, r.URL)
	})}
	go func() { _ = u.server.Serve(l) }()
}

func (u *upstreamProxy) stop() { _ = u.server.Close() }

// runningPool is a necto that runs with a pool of ports, as a process.
type runningPool struct {
	t     testing.TB
	cmd   *exec.Cmd
	ready readyInfo
	diag  *bytes.Buffer // what it has said, once it has ended
	home  string
	ended bool
}

// startPool runs "necto ports up" with a file of that content.
func startPool(t testing.TB, home, file string, args ...string) *runningPool {
	t.Helper()
	path, ready := filepath.Join(home, "ports.yaml"), filepath.Join(home, "ready")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"ports", "up", path, "--listen", "127.0.0.1:0", "--events", "127.0.0.1:0",
		"--ready-file", ready, "--ca-dir", filepath.Join(home, "ca"), "--grace", "0s",
	}, args...)
	p := &runningPool{t: t, home: home, diag: new(bytes.Buffer)}
	p.cmd = p.command(context.Background(), args...)
	p.cmd.Stderr = p.diag
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	for deadline := time.Now().Add(portsPatience); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(ready)
		if err == nil {
			if err := json.Unmarshal(text, &p.ready); err != nil {
				t.Fatal(err)
			}
			if p.ready.PID == p.cmd.Process.Pid { // it is not the one before
				return p
			}
		}
		if time.Now().After(deadline) {
			p.kill()
			t.Fatalf("necto is not ready: %s", p.diag)
		}
	}
}

// command returns a necto command whose files are in the home of the pool.
func (p *runningPool) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "necto", args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+p.home, "XDG_CONFIG_HOME="+p.home)
	return cmd
}

// kill ends necto as a power failure does.
func (p *runningPool) kill() {
	if !p.ended {
		p.ended = true
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// run runs a command about the pool, and returns what it prints.
func (p *runningPool) run(args ...string) string {
	p.t.Helper()
	out, err := p.command(p.t.Context(), append([]string{"ports"}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Errorf("necto ports %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// call calls the API.
func (p *runningPool) call(method, path, content string) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.ready.Events+path, strings.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, text.String())
}

// request sends a request to a port as to a proxy, and returns the status code.
func (p *runningPool) request(port int) int {
	p.t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addrOf(port)}),
	}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: portsPatience}).Get("http://origin.test/")
	if err != nil {
		p.t.Errorf("port %d: %v", port, err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// channelLines is a client of the channel that prints events, and what it has printed.
type channelLines struct {
	t     testing.TB
	lines chan [2]string // closed with the client
	seen  map[string]int // by type
}

// next returns the next n events as "type payload", without logs.
func (c *channelLines) next(n int) []string {
	c.t.Helper()
	var events []string
	for deadline := time.After(portsPatience); len(events) < n; {
		select {
		case e, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the client has ended after %q", events)
			}
			c.seen[e[0]]++
			if e[0] != "log" {
				events = append(events, strings.TrimSpace(e[0]+" "+e[1]))
			}
		case <-deadline:
			c.t.Fatalf("waited for %d events, there were %q", n, events)
		}
	}
	return events
}

// expect compares the next events, where those in a row of one type may come in any
// order.
func (c *channelLines) expect(what string, want ...string) {
	c.t.Helper()
	got := c.next(len(want))
	for begin := 0; begin < len(got); {
		end := begin + 1
		for end < len(got) && typeOf(got[end]) == typeOf(got[begin]) {
			end++
		}
		slices.Sort(got[begin:end])
		begin = end
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s: got\n%q, want\n%q", what, got, want)
	}
}

func typeOf(event string) string {
	name, _, _ := strings.Cut(event, " ")
	return name
}

// each returns an event for each of n ports.
func each(name string, first, n int) []string {
	events := make([]string, n)
	for i := range events {
		events[i] = fmt.Sprintf("%s %d", name, first+i)
	}
	return events
}
