package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"
)

// callPatience is how long a client may take for all it has to do.
const callPatience = 30 * time.Second

// dialCalls returns a connection to addr: through the proxy by CONNECT, or without
// one if proxy is "". roots is nil for plain text.
func dialCalls(t testing.TB, addr, proxy string, roots *x509.CertPool) *grpc.ClientConn {
	t.Helper()
	transport := insecure.NewCredentials()
	if roots != nil {
		transport = credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport), grpc.WithNoProxy()}
	if proxy != "" {
		options = append(options, grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return connectThrough(ctx, proxy, addr)
		}))
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// connectThrough opens a tunnel.
func connectThrough(ctx context.Context, proxy, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", proxy)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", addr, addr); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err == nil && (resp.StatusCode != http.StatusOK || r.Buffered() > 0) {
		err = fmt.Errorf("CONNECT: %s", resp.Status)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// callDiary is what a client hears, line by line.
type callDiary struct {
	ctx    context.Context
	client pb.TestServiceClient
	lines  []string
}

func (d *callDiary) note(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// fail notes how a call failed, with its details.
func (d *callDiary) fail(what string, err error) {
	s := grpcstatus.Convert(err)
	message, _, _ := strings.Cut(s.Message(), ", elapsed") // of a deadline, which is the client's own
	d.note("%s: %s %q", what, s.Code(), message)
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			d.note("%s: %s of %s", what, info.GetReason(), info.GetDomain())
		}
	}
}

// makeCalls makes calls of all kinds and returns what the client hears.
func makeCalls(t testing.TB, conn *grpc.ClientConn) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callPatience)
	defer cancel()
	d := &callDiary{ctx: ctx, client: pb.NewTestServiceClient(conn)}
	d.unary()
	d.streams()
	d.duplex()
	d.givesUp()
	d.reflects(conn)
	return d.lines
}

func (d *callDiary) unary() {
	ctx := metadata.AppendToOutgoingContext(d.ctx, "x-client", "one", "x-client", "two", "x-raw-bin", "\x00\x01")
	for _, text := range []string{"hello", "fail", ""} {
		for i, options := range [][]grpc.CallOption{nil, {compressed}} {
			what := fmt.Sprintf("unary %q %d", text, i)
			var head, trail metadata.MD
			resp, err := d.client.UnaryCall(ctx, &pb.SimpleRequest{Payload: payload(text)}, append(options, grpc.Header(&head), grpc.Trailer(&trail))...)
			d.note("%s: %q %q %q", what, head.Get("x-head"), head.Get("x-raw-bin"), trail.Get("x-trail"))
			if err != nil {
				d.fail(what, err)
				continue
			}
			d.note("%s: %s, %d", what, resp.GetPayload().GetBody(), len(resp.GetUsername()))
		}
	}
	_, err := d.client.UnimplementedCall(ctx, &pb.Empty{})
	d.fail("unimplemented", err)
}

func (d *callDiary) streams() {
	out, err := d.client.StreamingOutputCall(d.ctx, &pb.StreamingOutputCallRequest{
		ResponseParameters: []*pb.ResponseParameters{{Size: 1}, {Size: 0}, {Size: 200_000}, {Size: 3}},
	})
	for err == nil {
		var resp *pb.StreamingOutputCallResponse
		if resp, err = out.Recv(); err == nil {
			d.note("server streaming: %d bytes", len(resp.GetPayload().GetBody()))
		}
	}
	if !errors.Is(err, io.EOF) {
		d.fail("server streaming", err)
	}
	in, err := d.client.StreamingInputCall(d.ctx)
	for i := 0; i < 4 && err == nil; i++ {
		err = in.Send(&pb.StreamingInputCallRequest{Payload: payload(strings.Repeat("y", i*50_000))})
	}
	var sum *pb.StreamingInputCallResponse
	if err == nil {
		sum, err = in.CloseAndRecv()
	}
	if err != nil {
		d.fail("client streaming", err)
	}
	d.note("client streaming: %d bytes", sum.GetAggregatedPayloadSize())
}

func (d *callDiary) duplex() {
	for _, script := range [][]string{{"a", "b", "c"}, {"a", "stop"}, {}} {
		both, err := d.client.FullDuplexCall(d.ctx)
		for _, text := range script {
			if err == nil {
				err = both.Send(&pb.StreamingOutputCallRequest{Payload: payload(text)})
			}
			var resp *pb.StreamingOutputCallResponse
			if err == nil {
				resp, err = both.Recv()
			}
			if err == nil {
				d.note("duplex %q: %s", script, resp.GetPayload().GetBody())
			}
		}
		if err == nil {
			err = both.CloseSend()
		}
		if err == nil {
			_, err = both.Recv()
		}
		if !errors.Is(err, io.EOF) {
			d.fail(fmt.Sprintf("duplex %q", script), err)
		}
	}
}

// givesUp makes calls that the client ends, by a deadline and by itself.
func (d *callDiary) givesUp() {
	ctx, cancel := context.WithTimeout(d.ctx, time.Second) // the call is heard before, also on a busy machine
	defer cancel()
	_, err := d.client.UnaryCall(ctx, &pb.SimpleRequest{Payload: payload("slow")})
	d.fail("deadline", err)
	ctx, cancel = context.WithCancel(d.ctx)
	defer cancel()
	out, err := d.client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{})
	if err == nil {
		var resp *pb.StreamingOutputCallResponse
		resp, err = out.Recv()
		d.note("canceled: %s", resp.GetPayload().GetBody())
	}
	if err == nil {
		cancel()
		_, err = out.Recv()
	}
	d.fail("canceled", err)
}

// reflects asks the server which services it has and how one of them is described,
// as grpcurl does.
func (d *callDiary) reflects(conn *grpc.ClientConn) {
	both, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(d.ctx)
	ask := func(req *reflectionpb.ServerReflectionRequest) (resp *reflectionpb.ServerReflectionResponse) {
		if err == nil {
			err = both.Send(req)
		}
		if err == nil {
			resp, err = both.Recv()
		}
		return resp
	}
	services := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, s := range services.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	slices.Sort(names)
	d.note("services: %q", names)
	file := ask(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "grpc.testing.TestService"},
	})
	d.note("described by %d files", len(file.GetFileDescriptorResponse().GetFileDescriptorProto()))
	if err == nil {
		err = both.CloseSend()
	}
	if err == nil {
		_, err = both.Recv()
	}
	if !errors.Is(err, io.EOF) {
		d.fail("reflection", err)
	}
}
