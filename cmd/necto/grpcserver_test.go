package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	grpcstatus "google.golang.org/grpc/status"
)

// callService is gRPC's service for tests. What its calls are asked to do is in
// the payload of the request.
type callService struct {
	pb.UnimplementedTestServiceServer
}

// UnaryCall answers with the payload in upper case; "fail" fails with details, and
// "slow" answers when the client has left.
func (callService) UnaryCall(ctx context.Context, req *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if err := grpc.SetHeader(ctx, metadata.Pairs("x-head", strings.Join(md.Get("x-client"), ","), "x-raw-bin", "\x00\xff")); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-trail", "behind")); err != nil {
		return nil, err
	}
	switch text := string(req.GetPayload().GetBody()); text {
	case "fail":
		failure, err := grpcstatus.New(codes.NotFound, "nichts gefunden: größer 100%").
			WithDetails(&errdetails.ErrorInfo{Reason: "GONE", Domain: "example.com"})
		if err != nil {
			return nil, err
		}
		return nil, failure.Err()
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return &pb.SimpleResponse{Payload: payload(strings.ToUpper(text)), Username: strings.Repeat("n", 1000)}, nil
	}
}

// StreamingOutputCall answers with a message for each size, or without end for
// none.
func (callService) StreamingOutputCall(
	req *pb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[pb.StreamingOutputCallResponse],
) error {
	for _, p := range req.GetResponseParameters() {
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: payload(strings.Repeat("x", int(p.GetSize())))}); err != nil {
			return err
		}
	}
	if len(req.GetResponseParameters()) == 0 {
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: payload("first")}); err != nil {
			return err
		}
		<-out.Context().Done()
		return out.Context().Err()
	}
	return nil
}

// StreamingInputCall counts the bytes of all messages.
func (callService) StreamingInputCall(
	in grpc.ClientStreamingServer[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse],
) error {
	var sum pb.StreamingInputCallResponse
	for {
		req, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return in.SendAndClose(&sum)
		}
		if err != nil {
			return err
		}
		sum.AggregatedPayloadSize += int32(len(req.GetPayload().GetBody()))
	}
}

// FullDuplexCall answers each message at once; "stop" ends the call.
func (callService) FullDuplexCall(
	both grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse],
) error {
	for {
		req, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text := string(req.GetPayload().GetBody())
		if text == "stop" {
			return grpcstatus.Error(codes.Aborted, "as you wish")
		}
		if err := both.Send(&pb.StreamingOutputCallResponse{Payload: payload("re: " + text)}); err != nil {
			return err
		}
	}
}

func payload(text string) *pb.Payload { return &pb.Payload{Body: []byte(text)} }

// callServer is a server of callService.
type callServer struct {
	addr   string
	server *grpc.Server
}

// startCallServer starts a server that describes itself. cert is nil for plain
// text.
func startCallServer(t testing.TB, cert *tls.Certificate) *callServer {
	t.Helper()
	transport := insecure.NewCredentials()
	if cert != nil {
		transport = credentials.NewServerTLSFromCert(cert)
	}
	s := &callServer{server: grpc.NewServer(grpc.Creds(transport), grpc.MaxConcurrentStreams(2000))}
	pb.RegisterTestServiceServer(s.server, callService{})
	reflection.Register(s.server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(listener) }()
	t.Cleanup(func() {
		s.server.Stop()
		if err := <-served; err != nil {
			t.Errorf("gRPC server: %v", err)
		}
	})
	return s
}

// compressed lets a call compress its messages.
var compressed = grpc.UseCompressor(gzip.Name)
