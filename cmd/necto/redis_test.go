package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/necto-dev/necto/internal/nectest"
)

// redis controls a redis-server: "redis start NAME [config...]" sets NAME to
// host:port, "redis stop NAME" ends it, and "redis again NAME" starts it where it
// was.
func (s *scripts) redis(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: redis start|stop|again NAME")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := ts.MkAbs(args[1])
	if args[0] == "start" {
		ts.Check(os.Mkdir(name, 0o700))
		server, err := nectest.StartRedis(name, args[2:]...)
		ts.Check(err)
		ts.Defer(server.Stop)
		ts.Setenv(args[1], server.Addr)
		s.servers[name] = server
		return
	}
	server := s.servers[name]
	if server == nil {
		ts.Fatalf("no redis %s", args[1])
	}
	if server.Stop(); args[0] == "again" {
		ts.Check(server.Start())
	}
}
