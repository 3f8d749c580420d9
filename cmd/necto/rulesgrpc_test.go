package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/rules"
)

// callRules are rules for callService. Payloads are in base64.
const callRules = `
version: 1
rules:
  - name: unary
    match: {path: /grpc.testing.TestService/UnaryCall, body: {json: {payload.body: bW9jaw==}}} # mock
    mock:
      delay: 5ms
      template: true
      headers: {x-head: from necto}
      grpc:
        messages: [{json: {username: "for {{.JSON.payload.body}}"}}]
        trailers: {x-trail: behind}
  - name: server streaming
    match: {path: /grpc.testing.TestService/StreamingOutputCall}
    mock:
      grpc:
        messages: [{json: {payload: {body: YQ==}}}, {after: 5ms, base64: CgMSAWI=}, {json: {}}] # a, b
        status: UNAVAILABLE
        message: später
  - {name: failure, match: {path: "/**/EmptyCall"}, mock: {grpc: {status: 7, message: not for you}}}
  - name: no answer
    match: {path: "/**/UnimplementedCall", header: {x-fail: true}}
    mock: {grpc: {messages: [{json: {no: such}}]}}
  - name: edits
    match: {path: ["/**/UnaryCall", "/**/FullDuplexCall"], body: {json: {payload.body: b2xk}}} # old
    modify:
      request: {body: {json: {set: {payload.body: bmV3}}}} # new
      response: {body: {json: {merge: {payload: {body: ZWRpdGVk}}}}} # edited
  - {name: edits of failures, match: {path: "/**/UnaryCall"}, modify: {response: {body: {json: {set: {username: x}}}}}}
`

// heardRuled is what a client hears of callService behind callRules.
var heardRuled = strings.Split(strings.TrimSpace(`
mock 0: "" "for bW9jaw==", ["from necto"] ["behind"]
old 0: "edited" "x", [""] ["behind"]
mock 1: "" "for bW9jaw==", ["from necto"] ["behind"]
old 1: "edited" "x", [""] ["behind"]
fail: NotFound "nichts gefunden: größer 100%"
fail: GONE of example.com
empty: PermissionDenied "not for you"
cannot be answered: Unavailable "unexpected HTTP status code received from server: 502 (Bad Gateway)
stream: "a"
stream: "b"
stream: ""
stream: Unavailable "später"
duplex: edited
duplex: edited
duplex: edited
`), "\n")

// testDescriptions describe callService.
func testDescriptions(t testing.TB) *protoset.Set {
	t.Helper()
	var all [][]byte
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		content, err := proto.Marshal(protodesc.ToFileDescriptorProto(f))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content)
	}
	add(pb.File_grpc_testing_test_proto)
	return (*protoset.Set)(nil).WithReflected(all)
}

// callEngine obeys callRules.
func callEngine(t testing.TB) *rules.Engine {
	t.Helper()
	set, err := rules.Parse("rules.yaml", []byte(callRules))
	if err != nil {
		t.Fatal(err)
	}
	protos := testDescriptions(t)
	if err := set.CheckCalls(protos); err != nil {
		t.Fatal(err)
	}
	engine := rules.NewEngine(rules.NewStore(set), nil)
	engine.Protos = protos
	return engine
}

// makeRuledCalls makes calls that callRules are for. What the library says about an
// answer that is none is cut off.
func makeRuledCalls(t testing.TB, conn *grpc.ClientConn) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callPatience)
	defer cancel()
	d := &callDiary{ctx: ctx, client: pb.NewTestServiceClient(conn)}
	for i, options := range [][]grpc.CallOption{nil, {compressed}} {
		d.unaryRuled("mock", i, options)
		d.unaryRuled("old", i, options)
	}
	_, err := d.client.UnaryCall(ctx, &pb.SimpleRequest{Payload: payload("fail")})
	d.fail("fail", err)
	_, err = d.client.EmptyCall(ctx, &pb.Empty{})
	d.fail("empty", err)
	_, err = d.client.UnimplementedCall(metadata.AppendToOutgoingContext(ctx, "x-fail", "1"), &pb.Empty{})
	d.fail("cannot be answered", err)
	d.streamRuled()
	for i := range d.lines {
		d.lines[i], _, _ = strings.Cut(d.lines[i], "; transport:")
	}
	return d.lines
}

// unaryRuled makes a unary call and notes the answer with its metadata.
func (d *callDiary) unaryRuled(text string, i int, options []grpc.CallOption) {
	var head, trail metadata.MD
	resp, err := d.client.UnaryCall(d.ctx, &pb.SimpleRequest{Payload: payload(text)}, append(options, grpc.Header(&head), grpc.Trailer(&trail))...)
	if err != nil {
		d.fail(text, err)
		return
	}
	d.note("%s %d: %q %q, %q %q", text, i, resp.GetPayload().GetBody(), resp.GetUsername(), head.Get("x-head"), trail.Get("x-trail"))
}

// streamRuled makes calls with several messages.
func (d *callDiary) streamRuled() {
	out, err := d.client.StreamingOutputCall(d.ctx, &pb.StreamingOutputCallRequest{})
	for err == nil {
		var resp *pb.StreamingOutputCallResponse
		if resp, err = out.Recv(); err == nil {
			d.note("stream: %q", resp.GetPayload().GetBody())
		}
	}
	d.fail("stream", err)
	d.duplexRuled("old")
}

// duplexRuled says a text three times and notes the answers.
func (d *callDiary) duplexRuled(text string) {
	both, err := d.client.FullDuplexCall(d.ctx)
	for range 3 {
		if err == nil {
			err = both.Send(&pb.StreamingOutputCallRequest{Payload: payload(text)})
		}
		var resp *pb.StreamingOutputCallResponse
		if err == nil {
			resp, err = both.Recv()
		}
		d.note("duplex: %s", resp.GetPayload().GetBody())
	}
	if err == nil {
		err = both.CloseSend()
	}
	if err == nil {
		_, err = both.Recv()
	}
	if !errors.Is(err, io.EOF) {
		d.fail("duplex", err)
	}
}

func TestRulesForCalls(t *testing.T) {
	for _, way := range callWays {
		t.Run(way.name, func(t *testing.T) {
			l := newCallLab(t, way)
			l.record(t, l.dialRuled(t), callEngine(t).Layer)
			lines := l.tail(t, tail.Options{})
			for _, want := range []string{
				"gRPC     OK ", "gRPC     NOT_FOUND ", "gRPC     PERMISSION_DENIED ", "gRPC     UNAVAILABLE ", "gRPC     ERR ",
				"/grpc.testing.TestService/UnaryCall  (1 -->, 1 <--, mocked, rule unary)",
				"/grpc.testing.TestService/UnimplementedCall  (internal, necto: rule \"no answer\" (rules.yaml:21:5) cannot answer: ",
				"/grpc.testing.TestService/FullDuplexCall  (3 -->, 3 <--, modified, rule edits)",
				"/grpc.testing.TestService/StreamingOutputCall  (später, 1 -->, 3 <--, mocked, rule server streaming)",
			} {
				if !strings.Contains(lines, want) {
					t.Errorf("no %q in\n%s", want, lines)
				}
			}
		})
	}
}

// TestRulesForReplayedCalls has the same rules in front of a recording.
func TestRulesForReplayedCalls(t *testing.T) {
	l := newCallLab(t, callWays[0])
	l.record(t, l.dial(t, func(conn *grpc.ClientConn) {
		ctx, cancel := context.WithTimeout(t.Context(), callPatience)
		defer cancel()
		d := &callDiary{ctx: ctx, client: pb.NewTestServiceClient(conn)}
		d.unaryRuled("new", 0, nil)
		d.unaryRuled("fail", 0, nil)
		d.duplexRuled("new")
	}))
	l.replay(t, l.dialRuled(t), callEngine(t).Layer)
}

// TestRulesForCallsOfBrowsers answers gRPC-Web over HTTP/1.1, which has trailers in its
// content.
func TestRulesForCallsOfBrowsers(t *testing.T) {
	const messages = "\x00\x00\x00\x00\x05\n\x03\x12\x01a" + "\x00\x00\x00\x00\x05\n\x03\x12\x01b" + "\x00\x00\x00\x00\x00"
	const trailer = "grpc-status:14\r\ngrpc-message:sp%C3%A4ter\r\n"
	l := newCallLab(t, callWays[1])
	l.record(t, func(target callTarget) {
		client, err := fetchClient("http://" + target.proxy)
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdleConnections()
		resp, err := client.Post("http://"+target.addr+"/grpc.testing.TestService/StreamingOutputCall", "application/grpc-web+proto", strings.NewReader("\x00\x00\x00\x00\x00"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		want := messages + "\x80\x00\x00\x00" + string(rune(len(trailer))) + trailer
		if diff := cmp.Diff(want, string(body)); diff != "" || err != nil {
			t.Errorf("error %v, %s", err, diff)
		}
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "application/grpc-web+proto" || resp.ProtoMajor != 1 {
			t.Errorf("%s %s", resp.Status, kind)
		}
	}, callEngine(t).Layer)
	if lines := l.tail(t, tail.Options{}); !strings.Contains(lines, "gRPC     UNAVAILABLE ") {
		t.Error(lines)
	}
}

// dialRuled makes calls that callRules are for, and looks at what is heard of them.
func (l *callLab) dialRuled(t *testing.T) func(callTarget) {
	return l.dial(t, func(conn *grpc.ClientConn) {
		if diff := cmp.Diff(heardRuled, makeRuledCalls(t, conn)); diff != "" {
			t.Error(diff)
		}
	})
}
