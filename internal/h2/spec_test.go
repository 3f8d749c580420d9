package h2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/client"
	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/necto-dev/necto/internal/h2"
)

// specTimeout is how long a case of h2spec waits for what does not come.
const specTimeout = 2 * time.Second

// serveSpec answers with as much as the cases of h2spec need.
func serveSpec(s *h2.Stream) {
	_ = s.WriteHead(h2.ResponseHead(200, nil))
	buf := make([]byte, 1024)
	for {
		if _, err := s.Read(buf); err != nil {
			break
		}
	}
	_, _ = s.WriteLast([]byte("hello, h2spec"))
}

func TestServerPassesH2spec(t *testing.T) {
	host, port, err := net.SplitHostPort(engineServer(t, h2.Config{}, serveSpec))
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Host: host, Path: "/", Timeout: specTimeout, MaxHeaderLen: 4000, Strict: true}
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		runSpec(t, cfg, group)
	}
}

// runSpec runs the cases of a group and of those in it, all at the same time.
func runSpec(t *testing.T, cfg *config.Config, group *spec.TestGroup) {
	for i, test := range append(group.Tests, group.StrictTests...) {
		t.Run(fmt.Sprintf("%s/%d", group.ID(), i+1), func(t *testing.T) {
			t.Parallel()
			conn, err := spec.Dial(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			judge(t, test.Desc, test.Requirement, test.Run(cfg, conn))
		})
	}
	for _, inner := range group.Groups {
		runSpec(t, cfg, inner)
	}
}

// judge fails the test for the result of a case.
func judge(t *testing.T, what, requirement string, err error) {
	t.Helper()
	if errors.Is(err, spec.ErrSkipped) {
		t.Skip(what)
	}
	if err != nil {
		t.Errorf("%s: %s\n%v", what, requirement, err)
	}
}

func TestClientPassesH2spec(t *testing.T) {
	runClientSpec(t, &config.Config{Timeout: specTimeout, MaxHeaderLen: 4000}, client.Spec())
}

func runClientSpec(t *testing.T, cfg *config.Config, group *spec.ClientTestGroup) {
	for i, test := range group.Tests {
		t.Run(fmt.Sprintf("%s/%d", group.ID(), i+1), func(t *testing.T) {
			t.Parallel()
			ours, theirs := connect(t)
			c := run(t, h2.Client(ours, h2.Config{}))
			go askSpec(c.Conn)
			conn, err := spec.Accept(cfg, theirs)
			if err != nil {
				t.Fatal(err)
			}
			judge(t, test.Desc, test.Requirement, test.Run(cfg, conn))
		})
	}
	for _, inner := range group.Groups {
		runClientSpec(t, cfg, inner)
	}
}

// askSpec asks for what the cases of h2spec answer, if they do.
func askSpec(c *h2.Conn) {
	s, err := c.Open(context.Background(), get("/"))
	if err != nil {
		return
	}
	defer s.Close()
	if _, err := s.ReadHead(context.Background()); err == nil {
		_, _ = io.Copy(io.Discard, s)
	}
}
