package eventserver

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// documented are the events of the server in NectoProxy's documentation.
var documented = []string{
	"traffic:batch", "traffic:update", "traffic:clear",
	"breakpoint:hit", "breakpoint:resumed", "breakpoint:timeout",
	"websocket:open", "websocket:frame", "websocket:close", "websocket:error",
	"rule:created", "rule:updated", "rule:toggled", "rule:deleted", "rules:reordered",
	"session:created", "session:updated", "session:deleted",
	"proxy:started", "proxy:stopped", "proxy:error",
	"certificate:installed",
}

// clientFile returns the path of a file of testdata/clients.
func clientFile(name string) string { return filepath.Join("..", "testdata", "clients", name) }

// debianPython has the packages of Debian; another one before it in PATH has not.
const debianPython = "/usr/bin/python3"

// program is a client in another language. It may be used by several goroutines.
type program struct {
	name    string
	command []string // the address and transports are added
	// modes are the transports it can use, and which it uses in the end.
	modes map[string]string
}

var nodeModes = map[string]string{"websocket": "websocket", "polling": "polling", "polling,websocket": "websocket"}

func programs(t *testing.T) []program {
	t.Helper()
	var all []program
	if _, err := os.Stat(clientFile("node_modules/socket.io-client")); err == nil {
		all = append(all, program{"Node.js", []string{"node", clientFile("events.mjs")}, nodeModes})
	} else {
		t.Log("not tested: socket.io-client (npm ci in testdata/clients)")
	}
	if exec.Command(debianPython, "-c", "import socketio, websocket, requests").Run() == nil {
		all = append(all, program{"Python", []string{debianPython, clientFile("events.py")}, nodeModes})
	} else {
		t.Log("not tested: Python (Debian: python3-socketio, python3-websocket, python3-requests)")
	}
	return all
}

// output collects the lines of a program.
type output struct {
	mu    sync.Mutex
	lines [][]any
	news  chan struct{} // closed at the next line
	done  chan struct{} // closed at the end
}

// run starts a program, whose output must be lines of JSON lists.
func run(t *testing.T, command ...string) *output {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &output{news: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var line []any
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || len(line) == 0 {
				t.Errorf("line %q: %v", lines.Bytes(), err)
				continue
			}
			o.add(line)
		}
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("%s: %v", command[0], err)
		}
	}()
	return o
}

func (o *output) add(line []any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, line)
	close(o.news)
	o.news = make(chan struct{})
}

// wait returns the first line of that name.
func (o *output) wait(t *testing.T, name string) []any {
	t.Helper()
	late := time.After(2 * patience)
	for {
		o.mu.Lock()
		lines, news := o.lines, o.news
		o.mu.Unlock()
		for _, line := range lines {
			if line[0] == name {
				return line
			}
		}
		select {
		case <-news:
		case <-o.done:
			t.Fatalf("ended without %s: %v", name, lines)
		case <-late:
			t.Fatalf("no %s: %v", name, lines)
		}
	}
}

// resumes is a Breakpoints that notes what it is told.
type resumes struct {
	got chan traffic.Resume
}

func (r *resumes) Hits() []*traffic.Hit { return nil }

func (r *resumes) Resume(_ traffic.HitID, how traffic.Resume) error {
	r.got <- how
	return nil
}

// publishAll lets a Server publish every kind of event.
func publishAll(t *testing.T, s *Server) {
	t.Helper()
	s.ProxyStarted(8888, 8889)
	observe(s, 1, "https://api.example.com/users", "[]")
	observeSocket(s, 2, "ws://chat.example.com/")
	broken := newExchange(3, "ws://down.example.com/")
	s.Observe(traffic.RequestStarted{Exchange: broken})
	broken.Failure = &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: "refused"}
	s.Observe(traffic.ExchangeAborted{Exchange: broken})
	held := newExchange(4, "https://api.example.com/orders")
	s.Observe(traffic.RequestStarted{Exchange: held})
	hit := &traffic.Hit{ID: 1, Exchange: held, Breakpoint: "orders", Phase: traffic.PhaseRequest, Time: testTime, Request: held.Request}
	s.Observe(traffic.BreakpointHit{Hit: hit})
	s.Observe(traffic.BreakpointResumed{Hit: hit, Resumed: testTime})
	s.Observe(traffic.BreakpointTimedOut{Hit: hit, Resumed: testTime})
	s.Observe(traffic.CertIssued{Name: "api.example.com"})
	s.ProxyFailed("out of files")
	store := s.opts.Rules
	s.RulesChanged(store.Replace(ruleSet(t, "404", "500")))
	s.RulesChanged(store.Replace(ruleSet(t, "404", "501")))
	if err := s.EnableRule("mock 404", false); err != nil {
		t.Fatal(err)
	}
	if err := s.ReorderRules([]string{"mock 501"}); err != nil {
		t.Fatal(err)
	}
	same := ruleSet(t, "404")
	s.RulesChanged(store.Replace(same))
	changed, err := rules.Parse("rules.yaml", []byte("version: 1\nrules:\n  - name: mock 404\n    mock: {status: 405}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s.RulesChanged(store.Replace(changed))
	other := s.CreateSession("other")
	if err := s.DeleteSession(other.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RenameSession(testSession, "renamed"); err != nil {
		t.Fatal(err)
	}
	s.ProxyStopped()
}

// ruleSet returns rules that answer with these status codes.
func ruleSet(t *testing.T, codes ...string) *rules.Set {
	t.Helper()
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for _, code := range codes {
		text.WriteString("  - name: mock " + code + "\n    mock: {status: " + code + "}\n")
	}
	set, err := rules.Parse("rules.yaml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestClientsGetEveryDocumentedEvent(t *testing.T) {
	for _, p := range programs(t) {
		for transports, used := range p.modes {
			t.Run(p.name+" "+transports, func(t *testing.T) {
				if raceEnabled && strings.Contains(transports, "polling") {
					t.Skip("the library's polling has a race of its own: make test runs this without the detector")
				}
				held := &resumes{got: make(chan traffic.Resume, 1)}
				s, address := start(t, Options{Rules: rules.NewStore(nil), Breakpoints: held})
				out := run(t, append(slices.Clone(p.command), address, transports)...)
				ready := out.wait(t, "ready")
				if diff := cmp.Diff([]any{"ready", used, true, false}, ready); diff != "" {
					t.Errorf("ready (-want +got):\n%s", diff)
				}
				publishAll(t, s)
				for _, name := range documented { // Python handles them in threads, in any order
					out.wait(t, name)
				}
				if p.name == "Node.js" {
					checkResume(t, <-held.got)
				}
				s.Close(t.Context())
				out.wait(t, "disconnect")
				<-out.done
			})
		}
	}
}

// checkResume compares what events.mjs resumes a hit with.
func checkResume(t *testing.T, got traffic.Resume) {
	t.Helper()
	want := traffic.Resume{Action: traffic.ResumeContinue, By: "api", Request: &traffic.Edit{
		Method: "PUT", Set: traffic.Fields{{Name: "X-New", Value: "yes"}}, Body: []byte{0, 1, 2}, HasBody: true,
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(traffic.Field{})); diff != "" {
		t.Errorf("resume (-want +got):\n%s", diff)
	}
}
