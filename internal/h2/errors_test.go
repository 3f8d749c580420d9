package h2_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
)

func TestErrorsSayWhoAndWhy(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&h2.StreamError{Stream: 5, Code: h2.CodeCancel, Remote: true}, "the peer has reset stream 5: CANCEL"},
		{&h2.StreamError{Stream: 5, Code: h2.CodeProtocol, Reason: "a reason"}, "stream 5 was reset: PROTOCOL_ERROR: a reason"},
		{&h2.StreamError{Stream: 5, Code: 0xdead}, "stream 5 was reset: unknown error code 0xdead"},
		{&h2.StreamError{Code: h2.CodeRefusedStream, Reason: "a reason", Unprocessed: true}, "no stream could be opened: a reason"},
		{&h2.GoAwayError{Code: h2.CodeHTTP11Required}, "the peer has ended the connection (GOAWAY): HTTP_1_1_REQUIRED"},
		{&h2.GoAwayError{Debug: "tired"}, `the peer has ended the connection (GOAWAY): NO_ERROR: "tired"`},
		{&h2.ConnError{Code: h2.CodeFrameSize, Reason: "a reason"}, "FRAME_SIZE_ERROR: a reason"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	for err, want := range map[error]bool{
		fmt.Errorf("wrapped: %w", &h2.StreamError{Unprocessed: true}): true,
		&h2.StreamError{Code: h2.CodeRefusedStream}:                   false,
		h2.ErrClosed: false,
	} {
		if got := h2.IsUnprocessed(err); got != want {
			t.Errorf("IsUnprocessed(%v) = %v", err, got)
		}
	}
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	ours, _ := connect(t) // to a peer that says nothing
	c := run(t, h2.Client(ours, h2.Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.PeerSettings(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PeerSettings: %v", err)
	}
	if err := c.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ping: %v", err)
	}
	c.Close()
	if _, err := c.PeerSettings(t.Context()); !errors.Is(err, h2.ErrClosed) {
		t.Errorf("PeerSettings of a closed connection: %v", err)
	}
	if _, err := c.Open(t.Context(), get("/")); !h2.IsUnprocessed(err) {
		t.Errorf("Open on a closed connection: %v", err)
	}
}

func TestStreamsAfterTheirEnd(t *testing.T) {
	client, _ := pair(t, h2.Config{}, h2.Config{}, echo)
	s := client.open(t, post("/"))
	if _, err := s.WriteLast([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Trailer() != nil || s.Length() != -1 || s.ID() != 1 || s.Head().Pseudo.Get(":path") != "/" {
		t.Errorf("trailer %v, length %d, stream %d of %v", s.Trailer(), s.Length(), s.ID(), s.Head())
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s.Reset(h2.CodeCancel)
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("read from a stream that was closed")
	}
	if err := context.Cause(s.Context()); err == nil {
		t.Error("the context of a stream that was closed goes on")
	}
	if n, err := s.Read(nil); n != 0 || err != nil {
		t.Errorf("read into nothing: %d, %v", n, err)
	}
}
