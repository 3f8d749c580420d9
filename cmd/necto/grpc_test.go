package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	pb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// callWay is a way for calls through necto.
type callWay struct {
	name            string
	secure, reverse bool
}

var callWays = []callWay{
	{"TLS in a tunnel", true, false},
	{"plain text in a tunnel", false, false},
	{"TLS behind a listener", true, true},
	{"plain text behind a listener", false, true},
}

// callLab records calls, and replays them.
type callLab struct {
	authority *ca.Authority
	server    *callServer
	recording string
	way       callWay
}

func newCallLab(t *testing.T, way callWay) *callLab {
	t.Helper()
	authority, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &callLab{authority: authority, way: way, recording: filepath.Join(t.TempDir(), "run.jsonl")}
	if !way.secure {
		l.server = startCallServer(t, nil)
		return l
	}
	cert, err := authority.Leaf(t.Context(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l.server = startCallServer(t, cert)
	return l
}

func (l *callLab) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(l.authority.Certificate())
	return pool
}

// callTarget is where a client finds the server: at addr, by way of the proxy at
// another address unless that is "".
type callTarget struct{ addr, proxy string }

// dial returns a connection of grpc-go, which use uses.
func (l *callLab) dial(t *testing.T, use func(*grpc.ClientConn)) func(callTarget) {
	return func(target callTarget) {
		t.Helper()
		var roots *x509.CertPool
		if l.way.secure {
			roots = l.roots()
		}
		conn := dialCalls(t, target.addr, target.proxy, roots)
		defer conn.Close()
		use(conn)
	}
}

// run runs a proxy while use goes through it.
func (l *callLab) run(t *testing.T, options proxy.Options, listener proxy.Listener, use func(callTarget)) {
	t.Helper()
	options.CA = l.authority
	running := proxy.New(options)
	listener.Addr = "127.0.0.1:0"
	addr, err := running.Listen(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- running.Run(ctx) }()
	target := callTarget{addr: l.server.addr, proxy: addr.String()}
	if l.way.reverse {
		target = callTarget{addr: addr.String()}
	}
	use(target)
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("proxy: %v", err)
	}
}

// record records what use does, with layers in front of the server.
func (l *callLab) record(t *testing.T, use func(callTarget), layers ...proxy.Layer) {
	t.Helper()
	writer, err := record.Create(l.recording, record.Options{Mode: "forward"})
	if err != nil {
		t.Fatal(err)
	}
	listener := proxy.Listener{}
	if l.way.reverse {
		scheme := map[bool]string{false: "http", true: "https"}[l.way.secure]
		listener.Reverse = &traffic.URL{Scheme: scheme, Authority: l.server.addr, Target: "/"}
	}
	l.run(t, proxy.Options{Observer: writer, Layers: layers, Network: &proxy.Network{RootCAs: l.roots()}}, listener, use)
	if err := writer.Close(); err != nil {
		t.Errorf("recording: %v", err)
	}
}

// replay lets use talk to the recording, with layers in front of it, when there is no
// server any more.
func (l *callLab) replay(t *testing.T, use func(callTarget), layers ...proxy.Layer) {
	t.Helper()
	l.server.server.Stop()
	index, err := replay.Load([]string{l.recording}, replay.Options{OnMiss: func(m replay.Miss) { t.Errorf("%s", m) }})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	l.run(t, proxy.Options{Layers: append(layers, replayLayer(index))}, proxy.Listener{Origin: true}, use)
}

// heardCalls is what a client hears of callService.
var heardCalls = strings.Split(strings.TrimSpace(`
unary "hello" 0: ["one,two"] ["\x00\xff"] ["behind"]
unary "hello" 0: HELLO, 1000
unary "hello" 1: ["one,two"] ["\x00\xff"] ["behind"]
unary "hello" 1: HELLO, 1000
unary "fail" 0: ["one,two"] ["\x00\xff"] ["behind"]
unary "fail" 0: NotFound "nichts gefunden: größer 100%"
unary "fail" 0: GONE of example.com
unary "fail" 1: ["one,two"] ["\x00\xff"] ["behind"]
unary "fail" 1: NotFound "nichts gefunden: größer 100%"
unary "fail" 1: GONE of example.com
unary "" 0: ["one,two"] ["\x00\xff"] ["behind"]
unary "" 0: , 1000
unary "" 1: ["one,two"] ["\x00\xff"] ["behind"]
unary "" 1: , 1000
unimplemented: Unimplemented "method UnimplementedCall not implemented"
server streaming: 1 bytes
server streaming: 0 bytes
server streaming: 200000 bytes
server streaming: 3 bytes
client streaming: 300000 bytes
duplex ["a" "b" "c"]: re: a
duplex ["a" "b" "c"]: re: b
duplex ["a" "b" "c"]: re: c
duplex ["a" "stop"]: re: a
duplex ["a" "stop"]: Aborted "as you wish"
deadline: DeadlineExceeded "context deadline exceeded"
canceled: first
canceled: Canceled "context canceled"
services: ["grpc.reflection.v1.ServerReflection" "grpc.reflection.v1alpha.ServerReflection" "grpc.testing.TestService"]
described by 3 files
`), "\n")

func TestCallsAreRecordedAndReplayed(t *testing.T) {
	for _, way := range callWays {
		t.Run(way.name, func(t *testing.T) {
			l := newCallLab(t, way)
			calls := func(what string) func(callTarget) {
				return l.dial(t, func(conn *grpc.ClientConn) {
					if diff := cmp.Diff(heardCalls, makeCalls(t, conn)); diff != "" {
						t.Errorf("%s: %s", what, diff)
					}
				})
			}
			l.record(t, calls("recorded"))
			l.replay(t, calls("replayed"))
			l.check(t)
		})
	}
}

// check looks at the recording as users do.
func (l *callLab) check(t *testing.T) {
	t.Helper()
	format, err := tail.ParseFormat("{{.Path}} {{.Proto}}")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(l.tail(t, tail.Options{Format: format})) {
		if !strings.HasSuffix(line, " HTTP/2.0\n") {
			t.Errorf("not over HTTP/2: %s", line)
		}
	}
	lines := l.tail(t, tail.Options{})
	for _, want := range []string{
		"gRPC     OK ", "gRPC     NOT_FOUND ", "gRPC     ABORTED ", "gRPC     ERR ", "gRPC     UNIMPLEMENTED ",
		"/grpc.testing.TestService/FullDuplexCall  (3 -->, 3 <--)",
		"/grpc.testing.TestService/StreamingInputCall  (4 -->, 1 <--)",
		"/grpc.testing.TestService/StreamingOutputCall  (1 -->, 4 <--)",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
}

// tail returns what tail prints of the recording.
func (l *callLab) tail(t *testing.T, o tail.Options) string {
	t.Helper()
	var out strings.Builder
	if err := tail.Run(t.Context(), &out, []tail.Source{tail.NewFile(l.recording, false)}, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// manyCalls is how many calls go on at once.
const manyCalls = 1000

// TestManyCallsAtOnce holds the turns of many calls on one connection apart.
func TestManyCallsAtOnce(t *testing.T) {
	l := newCallLab(t, callWays[0])
	n := manyCalls
	if raceEnabled {
		n = 100
	}
	talk := func(conn *grpc.ClientConn) {
		ctx, cancel := context.WithTimeout(t.Context(), callPatience)
		defer cancel()
		talkAtOnce(ctx, t, pb.NewTestServiceClient(conn), n)
	}
	l.record(t, l.dial(t, talk))
	l.replay(t, l.dial(t, talk))
}

// talkAtOnce makes n calls that all say something before any of them ends.
func talkAtOnce(ctx context.Context, t *testing.T, client pb.TestServiceClient, n int) {
	t.Helper()
	var all errgroup.Group
	var begun sync.WaitGroup
	begun.Add(n)
	for i := range n {
		all.Go(func() error {
			first := true
			wait := func() {
				if first {
					first = false
					begun.Done()
					begun.Wait()
				}
			}
			defer wait()
			return talkAlone(ctx, client, i, wait)
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}

// talkAlone makes a call, and calls wait behind its first turn.
func talkAlone(ctx context.Context, client pb.TestServiceClient, i int, wait func()) error {
	both, err := client.FullDuplexCall(ctx)
	for turn := 0; turn < 3 && err == nil; turn++ {
		text := fmt.Sprintf("call %d, turn %d", i, turn)
		if err = both.Send(&pb.StreamingOutputCallRequest{Payload: payload(text)}); err != nil {
			return err
		}
		resp, err := both.Recv()
		if err != nil {
			return err
		}
		if got := string(resp.GetPayload().GetBody()); got != "re: "+text {
			return fmt.Errorf("got %q behind %q", got, text)
		}
		wait()
	}
	if err == nil {
		err = both.CloseSend()
	}
	if err == nil {
		_, err = both.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
