//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is a redis-server with a client to look into it.
type server struct {
	addr   string
	args   []string
	cmd    *exec.Cmd
	client *redis.Client
}

// startRedis starts a redis-server with its files in dir. It appends all writes to
// a file and writes that through once a second, as one that recorders share should.
func startRedis(ctx context.Context, dir string) (*server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	if err := errors.Join(l.Close(), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	s := &server{addr: addr, client: redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})}
	s.args = []string{
		"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "yes", "--loglevel", "warning", "--logfile", "log",
	}
	return s, s.start(ctx)
}

// start starts the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	// The end of ctx does not end it: close does.
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := s.client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

// kill stops the server at once.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // or it has ended
	_ = s.cmd.Wait()
}

func (s *server) close() {
	_ = s.client.Close()
	s.kill()
}

// usage is what a server has used.
type usage struct {
	cpu    time.Duration
	memory int64 // bytes
	lines  int64
}

func (s *server) usage(ctx context.Context) (usage, error) {
	info, err := s.client.Info(ctx, "cpu", "memory").Result()
	if err != nil {
		return usage{}, err
	}
	var u usage
	for line := range strings.Lines(info) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "used_cpu_user", "used_cpu_sys":
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return u, err
			}
			u.cpu += time.Duration(seconds * float64(time.Second))
		case "used_memory":
			if u.memory, err = strconv.ParseInt(text, 10, 64); err != nil {
				return u, err
			}
		}
	}
	u.lines, err = s.client.XLen(ctx, stream).Result()
	return u, err
}
