package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

// channelGrammar is what 9Proxy's documentation says of payloads, nil for none.
var channelGrammar = map[string]*regexp.Regexp{
	"restoreDone":          nil,
	"settingPortChange":    regexp.MustCompile(`^[0-9]+:[0-9]+$`),
	"forwardListCompleted": regexp.MustCompile(`^[^:]+$`),
	"proxyError":           regexp.MustCompile(`^[^:]+:req_proxy_config_error@.+$`),
	"portStateUpdate":      regexp.MustCompile(`^[0-9]+$`),
	"portRemoved":          regexp.MustCompile(`^[0-9]+$`),
	"log":                  regexp.MustCompile(`.`),
	"httpError":            regexp.MustCompile(`^HTTP Start error`),
}

// followInGo is a client that knows what 9Proxy's documentation says.
func followInGo(t *testing.T, url string) *channelLines {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &channelLines{t: t, lines: make(chan [2]string, 1000), seen: map[string]int{}}
	go func() {
		defer close(c.lines)
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			event, err := parseDocumented(text)
			if err != nil {
				t.Error(err)
				return
			}
			c.lines <- event
		}
	}()
	return c
}

// parseDocumented reads a message, which is to be as documented.
func parseDocumented(text []byte) (event [2]string, err error) {
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		return event, fmt.Errorf("%s: %w", text, err)
	}
	grammar, known := channelGrammar[members["type"]]
	payload, has := members["payload"]
	switch {
	case !known, has != (grammar != nil), len(members) > 2, len(members) == 2 && !has:
		return event, fmt.Errorf("not documented: %s", text)
	case has && !grammar.MatchString(payload):
		return event, fmt.Errorf("not the payload of %s: %s", members["type"], text)
	}
	return [2]string{members["type"], payload}, nil
}

// followInNode is the same in Node.js.
func followInNode(t *testing.T, url string) *channelLines {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", clientFile("9proxy.mjs"), url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var diag strings.Builder
	cmd.Stderr = &diag
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &channelLines{t: t, lines: make(chan [2]string, 1000), seen: map[string]int{}}
	go func() {
		defer close(c.lines)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			var event [2]string
			if err := json.Unmarshal(scanner.Bytes(), &event); err == nil && event[0] != "close" {
				c.lines <- event
			}
		}
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("node: %v: %s", err, diag.String())
		}
	}()
	c.expect("connected", "open")
	delete(c.seen, "open")
	return c
}

// TestNineProxyClients has clients that were written from 9Proxy's documentation
// follow a pool of twenty ports for as long as there is something to follow. Each of
// its events is told in a real run; there are none in a recording.
func TestNineProxyClients(t *testing.T) {
	for name, c := range map[string]struct {
		follow  func(*testing.T, string) *channelLines
		missing func() string
	}{
		"Go":   {follow: followInGo, missing: func() string { return "" }},
		"Node": {follow: followInNode, missing: missingNode},
	} {
		t.Run(name, func(t *testing.T) {
			if missing := c.missing(); missing != "" {
				t.Skip("not installed: " + missing)
			}
			t.Parallel()
			s := newPoolStory(t, c.follow)
			s.up()
			s.failure()
			s.removal()
			s.restore()
			s.taken()
			for event := range channelGrammar {
				if s.seen[event] == 0 {
					t.Errorf("%s was never told", event)
				}
			}
		})
	}
}

// poolStory is what clients follow.
type poolStory struct {
	t       *testing.T
	follow  func(*testing.T, string) *channelLines
	home    string
	first   int // port
	channel int
	proxy   *upstreamProxy
	file    string
	pool    *runningPool
	client  *channelLines
	seen    map[string]int
}

func newPoolStory(t *testing.T, follow func(*testing.T, string) *channelLines) *poolStory {
	first := freePorts(t, 22)
	s := &poolStory{t: t, follow: follow, home: t.TempDir(), first: first, channel: first + 21, proxy: newUpstreamProxy(t), seen: map[string]int{}}
	s.file = fmt.Sprintf(`
version: 1
ports: {start: %d, count: 20}
probe: {interval: 100h, retry: 100ms}
debug: true
candidates:
  - {id: only, upstream: "http://%s", labels: {country: US}}
`, first, s.proxy.addr)
	s.begin()
	return s
}

// begin starts necto, and a client that follows it.
func (s *poolStory) begin() {
	s.t.Helper()
	s.pool = startPool(s.t, s.home, s.file, "--state", filepath.Join(s.home, "state.json"),
		"--channel", addrOf(s.channel), "--channel-token", "abcd1234")
	want := fmt.Sprintf("ws://127.0.0.1:%d/ws/abcd1234", s.channel)
	if s.pool.ready.Channel != want {
		s.t.Errorf("the channel is at %s, want %s", s.pool.ready.Channel, want)
	}
}

// connect lets a client follow.
func (s *poolStory) connect() {
	s.t.Helper()
	s.client = s.follow(s.t, s.pool.ready.Channel)
	s.client.seen = s.seen
}

// up puts all ports to use, and asks for more than there are.
func (s *poolStory) up() {
	s.t.Helper()
	s.connect()
	s.pool.call("POST", "/v1/forward", `{"request_id":"up","from":"any","count":20}`)
	s.client.expect("up", append(each("portStateUpdate", s.first, 20), "forwardListCompleted up")...)
	s.pool.call("POST", "/v1/forward", `{"request_id":"more","from":"any","count":1}`)
	s.client.expect("no more", "proxyError more:req_proxy_config_error@no port available")
	if got := s.pool.call("POST", "/v1/forward", `{"request_id":"a:b","from":"any"}`); !strings.HasPrefix(got, "400 ") {
		s.t.Errorf("a request id with a colon: %s", got)
	}
	for port := s.first; port < s.first+20; port++ {
		if status := s.pool.request(port); status != 200 {
			s.t.Errorf("port %d answers %d", port, status)
		}
	}
}

// failure lets the upstream proxy die, which clients of the ports find out, and come
// back.
func (s *poolStory) failure() {
	s.t.Helper()
	s.proxy.stop()
	for port := s.first; port < s.first+20; port++ {
		s.pool.request(port)
		s.pool.request(port)
		s.client.expect("dead", fmt.Sprintf("portStateUpdate %d", port))
	}
	s.proxy.start()
	s.client.expect("back", each("portStateUpdate", s.first, 20)...)
}

// removal frees a port by hand, and five by a smaller range.
func (s *poolStory) removal() {
	s.t.Helper()
	s.pool.run("rm", strconv.Itoa(s.first))
	s.client.expect("removed", fmt.Sprintf("portRemoved %d", s.first))
	live, err := net.Dial("tcp", addrOf(s.first+19))
	if err != nil {
		s.t.Fatal(err)
	}
	defer live.Close()
	s.pool.call("GET", fmt.Sprintf("/api/set_port_range?start_port=%d&port_num=15&t=2", s.first), "")
	s.client.expect("shrunk", append(each("portRemoved", s.first+15, 5), fmt.Sprintf("settingPortChange %d:15", s.first))...)
	_ = live.SetReadDeadline(time.Now().Add(portsPatience))
	if _, err := live.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Errorf("a connection to a port that was removed is open: %v", err)
	}
}

// restore ends necto the hard way, and begins again while somebody else has one of the
// ports.
func (s *poolStory) restore() {
	s.t.Helper()
	s.awaitSaved(14)
	s.pool.kill()
	taken, err := net.Listen("tcp", addrOf(s.first+3))
	if err != nil {
		s.t.Fatal(err)
	}
	s.begin()
	s.connect()
	s.awaitRestored(13)
	taken.Close()
	s.pool.run("restore")
	s.client.expectLast("restored", fmt.Sprintf("portStateUpdate %d", s.first+3), "restoreDone")
	if status := s.pool.request(s.first + 3); status != 200 {
		s.t.Errorf("the restored port answers %d", status)
	}
}

// expectLast compares events behind those that were told since necto began, which the
// client may have come too late for.
func (c *channelLines) expectLast(what string, want ...string) {
	c.t.Helper()
	var got []string
	for !slices.Contains(got, want[0]) {
		got = append(got, c.next(1)...)
	}
	got = append(got[len(got)-1:], c.next(len(want)-1)...)
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// awaitSaved waits until the state file has so many ports.
func (s *poolStory) awaitSaved(n int) {
	s.t.Helper()
	s.await("saved ports", func() bool {
		text, err := os.ReadFile(filepath.Join(s.home, "state.json"))
		return err == nil && bytes.Count(text, []byte(`"port":`)) == n
	})
}

// awaitRestored waits until so many ports are in use.
func (s *poolStory) awaitRestored(n int) {
	s.t.Helper()
	s.await("restored ports", func() bool { return strings.Count(s.pool.call("GET", "/v1/ports", ""), `"is_online":true`) == n })
}

func (s *poolStory) await(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(portsPatience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited for %s", what)
		}
	}
}

// taken begins once more while somebody else has the channel's address.
func (s *poolStory) taken() {
	s.t.Helper()
	s.pool.kill()
	taken, err := net.Listen("tcp", addrOf(s.channel))
	if err != nil {
		s.t.Fatal(err)
	}
	s.begin()
	taken.Close()
	s.await("the channel", func() bool {
		conn, err := net.Dial("tcp", addrOf(s.channel))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	s.connect()
	event := s.client.next(1)[0]
	if !strings.HasPrefix(event, "httpError HTTP Start error: ") {
		s.t.Errorf("told first: %s", event)
	}
}
