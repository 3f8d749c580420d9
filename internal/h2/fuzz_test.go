package h2_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// fuzzTimeout is how long an end may take that is to come at once.
const fuzzTimeout = 5 * time.Second

// hostile lets a connection read what a peer sends that goes away then, and fails
// the test if it does not end, or if it has taken much memory.
func hostile(t *testing.T, sends []byte, start func(net.Conn) *h2.Conn) {
	ours, theirs := net.Pipe()
	c := start(ours)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context()) }()
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, theirs)
	}()
	_ = theirs.SetWriteDeadline(time.Now().Add(fuzzTimeout))
	_, _ = theirs.Write(sends) // whether it has heard enough is up to it
	theirs.Close()
	select {
	case err := <-ended:
		if e, ok := errors.AsType[*h2.ConnError](err); ok && (e.Code == h2.CodeNo || e.Reason == "") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(fuzzTimeout):
		buf := make([]byte, 1<<16)
		t.Fatalf("the connection did not end:\n%s", buf[:runtime.Stack(buf, true)])
	}
	<-read
}

// seedFrames are frames to begin with.
func seedFrames() [][]byte {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(request); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: request[i], Value: request[i+1]})
	}
	answer := []byte{0x88}
	return [][]byte{
		raw(http2.FrameSettings, 0, 0, 0, 4, 0, 0, 0, 1),
		raw(http2.FrameSettings, 1, 0),
		raw(http2.FrameHeaders, 5, 1, block.Bytes()...),
		raw(http2.FrameHeaders, 0, 1, block.Bytes()[:3]...),
		raw(http2.FrameContinuation, 4, 1, block.Bytes()[3:]...),
		raw(http2.FrameHeaders, 4, 1, answer...),
		raw(http2.FrameHeaders, 5|8|32, 3, append([]byte{0, 0, 0, 0, 1, 9}, block.Bytes()...)...),
		raw(http2.FrameData, 0, 1, []byte("hello")...),
		raw(http2.FrameData, 9, 1, 2, 'x', 0, 0),
		raw(http2.FrameRSTStream, 0, 1, 0, 0, 0, 8),
		raw(http2.FramePing, 0, 0, make([]byte, 8)...),
		raw(http2.FrameGoAway, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'x'),
		raw(http2.FrameWindowUpdate, 0, 0, 0, 0, 0, 9),
		raw(http2.FrameWindowUpdate, 0, 1, 0, 0, 0, 0),
		raw(http2.FramePriority, 0, 1, 0, 0, 0, 1, 2),
		raw(http2.FramePushPromise, 4, 1, 0, 0, 0, 2),
		raw(http2.FramePriorityUpdate, 0, 0, 0, 0, 0, 1, 'u', '=', '1'),
		raw(0xbb, 0xff, 1, 1, 2, 3),
	}
}

func addSeeds(f *testing.F) {
	frames := seedFrames()
	for i, one := range frames {
		f.Add(bytes.Join([][]byte{frames[0], frames[1], frames[2], one}, nil))
		f.Add(bytes.Join([][]byte{frames[0], frames[5], one, frames[(i+3)%len(frames)]}, nil))
	}
	f.Add(bytes.Join(frames, nil))
}

func FuzzServer(f *testing.F) {
	addSeeds(f)
	cfg := h2.Config{ExtendedConnect: true, MaxHeaderList: 4096, MaxStreams: 10, StreamWindow: 1000}
	f.Fuzz(func(t *testing.T, frames []byte) {
		hostile(t, append([]byte(http2.ClientPreface), frames...), func(conn net.Conn) *h2.Conn {
			return h2.Server(conn, cfg, echo)
		})
	})
}

func FuzzClient(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, frames []byte) {
		asked := make(chan struct{})
		hostile(t, frames, func(conn net.Conn) *h2.Conn {
			c := h2.Client(conn, h2.Config{MaxHeaderList: 4096, StreamWindow: 1000})
			go func() {
				defer close(asked)
				askSpec(c)
			}()
			return c
		})
		<-asked
	})
}

// FuzzHeads holds what one side takes against what the other one sends: a head
// that was received can be sent on.
func FuzzHeads(f *testing.F) {
	for _, test := range badRequests {
		if len(test.head) >= 10 {
			f.Add(test.head[len(test.head)-2], test.head[len(test.head)-1], "/", "a.test")
		}
	}
	f.Fuzz(func(t *testing.T, name, value, path, authority string) {
		head := h2.RequestHead("GET", "http", authority, path, traffic.Fields{{Name: name, Value: value}}).Ended()
		a, b := net.Pipe()
		got := make(chan h2.Head, 1)
		server := h2.Server(b, h2.Config{}, func(s *h2.Stream) {
			got <- s.Head()
			_ = s.WriteHead(h2.ResponseHead(200, s.Head().Fields).Ended())
		})
		client := h2.Client(a, h2.Config{})
		ended := make(chan error, 2)
		for _, c := range []*h2.Conn{client, server} {
			go func() { ended <- c.Run(t.Context()) }()
		}
		defer func() {
			client.Close()
			<-ended
			<-ended
		}()
		s, err := client.Open(t.Context(), head)
		if err != nil {
			return // it may not be sent
		}
		defer s.Close()
		answer, err := s.ReadHead(t.Context())
		if name == "content-length" {
			return // says more than the head is to have
		}
		if err != nil {
			t.Fatalf("the head %v was sent and not taken: %v", head, err)
		}
		if seen := <-got; seen.Fields[0] != head.Fields[0] || answer.Fields[0] != head.Fields[0] {
			t.Errorf("%v became %v and %v", head.Fields, seen.Fields, answer.Fields)
		}
	})
}
