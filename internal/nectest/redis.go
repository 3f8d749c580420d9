package nectest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// errNoRedis says that there is no redis-server to test with.
var errNoRedis = errors.New("redis-server is not installed")

// Redis is a redis-server of its own on a loopback port, which it keeps when it is
// stopped and started again.
type Redis struct {
	// Addr is host:port, Port the latter.
	Addr, Port string

	dir  string
	args []string
	cmd  *exec.Cmd // nil while it is stopped
}

// NewRedis starts a redis-server with a configuration, such as "--maxmemory",
// "8mb". It ends with the test. Where none is installed the test is skipped.
func NewRedis(t testing.TB, config ...string) *Redis {
	t.Helper()
	r, err := StartRedis(t.TempDir(), config...)
	if errors.Is(err, errNoRedis) {
		t.Skip("redis-server is not installed: what needs a Redis is NOT tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// StartRedis starts a redis-server with its files in dir, which the caller stops.
// Unless config says otherwise it forgets everything when it is stopped.
func StartRedis(dir string, config ...string) (*Redis, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errNoRedis
	}
	for attempt := 1; ; attempt++ {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		r := &Redis{Addr: addr, dir: dir}
		_, r.Port, _ = net.SplitHostPort(addr)
		r.args = slices.Concat([]string{
			"--port", r.Port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no", "--loglevel", "warning",
			"--logfile", filepath.Join(dir, "redis.log"),
		}, config)
		if err = r.Start(); err == nil || attempt == 3 { // another may have taken the port
			return r, err
		}
	}
}

// freeAddr returns an address that nobody listens on, for now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Start starts a server that was stopped, and waits until it answers.
func (r *Redis) Start() error {
	cmd := exec.Command("redis-server", r.args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	r.cmd = cmd
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := r.ping()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			r.Stop()
			log, _ := os.ReadFile(filepath.Join(r.dir, "redis.log"))
			return fmt.Errorf("redis-server does not answer: %w\n%s", err, log)
		}
	}
}

// ping asks whether the server is ready. One that asks for a password is.
func (r *Redis) ping() error {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
		err = errors.New(strings.TrimSpace(answer))
	}
	return err
}

// Stop kills the server, if it runs.
func (r *Redis) Stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill() // or it has ended
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}
