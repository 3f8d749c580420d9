package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/necto-dev/necto/internal/nectest"
)

// scriptPatience is how long a script waits for something that is about to
// happen.
const scriptPatience = 15 * time.Second

// raceOptions keeps programs built with the race detector from sleeping for a
// second before they exit, as tests run hundreds of them.
const raceOptions = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", raceOptions); err != nil {
		panic(err)
	}
	testscript.Main(leakChecked{m}, map[string]func(){
		"necto": main,
		"fetch": fetchMain,
		"child": childMain,
		"chat":  chatMain,
	})
}

// leakChecked fails a run that leaves goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestScript(t *testing.T) {
	s := &scripts{origins: make(map[string]*nectest.Origin), servers: make(map[string]*nectest.Redis)}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", raceOptions)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("ORIGIN_HOST", nectest.OriginHost)
			data, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
			env.Setenv("RECORDINGS", filepath.Join(data, "recordings"))
			env.Setenv("RULES", filepath.Join(data, "rules"))
			env.Setenv("CLIENTS", filepath.Join(data, "clients"))
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "socketio":
				_, err := os.Stat(clientFile("node_modules/socket.io-client"))
				return err == nil, nil
			case "redis":
				_, err := exec.LookPath("redis-server")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"origin":   s.origin,
			"await":    await,
			"backend":  backend,
			"pause":    pause,
			"stop":     s.stopOrigin,
			"ready":    ready,
			"redis":    s.redis,
			"status":   exitStatus,
			"waitfile": waitFile,
			"waittext": waitText,
			"occupy":   occupy,
			"portrow":  portsInARow,
			"tear":     tear,
		},
	})
}

// scripts is what scripts share; the names of origins contain their script's
// folder.
type scripts struct {
	mu      sync.Mutex
	origins map[string]*nectest.Origin // guarded by mu
	servers map[string]*nectest.Redis  // guarded by mu
}

// origin starts a nectest.Origin: "origin [-tls] NAME" sets NAME to its URL and
// NAME_ADDR to its address, and writes its certificate to NAME.pem.
func (s *scripts) origin(ts *testscript.TestScript, neg bool, args []string) {
	start := nectest.StartOrigin
	if len(args) == 2 && args[0] == "-tls" {
		start, args = nectest.StartTLSOrigin, args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: origin [-tls] NAME")
	}
	name, o := args[0], start()
	ts.Defer(o.Close)
	ts.Setenv(name, o.URL)
	ts.Setenv(name+"_ADDR", o.Addr)
	ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), o.CertPEM, 0o600))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origins[ts.MkAbs(name)] = o
}

// stopOrigin stops an origin: "stop NAME".
func (s *scripts) stopOrigin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	s.mu.Lock()
	o := s.origins[ts.MkAbs(args[0])]
	s.mu.Unlock()
	if o == nil {
		ts.Fatalf("no origin %s", args[0])
	}
	o.Close()
}

// ready waits for a ready file and sets PROXY, EVENTS, PID, CA, MAP_1 and so on from it:
// "ready FILE".
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready FILE")
	}
	waitFile(ts, false, args)
	var info readyInfo
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &info))
	ts.Setenv("PROXY", info.Proxy)
	ts.Setenv("EVENTS", info.Events)
	ts.Setenv("CA", info.CA)
	ts.Setenv("PID", strconv.Itoa(info.PID))
	for i, m := range info.Maps {
		ts.Setenv(fmt.Sprintf("MAP_%d", i+1), m.URL)
	}
}

// exitStatus runs a program and checks its exact exit code: "status N PROGRAM ARGS".
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := 0, ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// waitFile waits until a file is there: "waitfile FILE".
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile FILE")
	}
	for deadline := time.Now().Add(scriptPatience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not appear in %v", args[0], scriptPatience)
		}
	}
}

// waitText waits until a file has a text: "waittext FILE TEXT".
func waitText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waittext FILE TEXT")
	}
	for deadline := time.Now().Add(scriptPatience); ; time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && bytes.Contains(data, []byte(args[1])) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s has no %q after %v", args[0], args[1], scriptPatience)
		}
	}
}

// occupy listens on a free port and sets a variable to the address: "occupy NAME".
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// tear cuts the end off a file, as a power failure may: "tear FILE".
func tear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tear FILE")
	}
	data := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(data[:len(data)-10]), 0o600))
}
