package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// clientNamespace names the network of the clients, for a test that runs in another.
const clientNamespace = "NECTO_TEST_CLIENTS"

// The addresses of the origin, in the proxy's network.
const (
	originIPv4 = "10.78.0.1"
	originIPv6 = "fd78::1"
)

// TestTransparent makes two networks, one of clients and one that routes for them, in
// which it runs TestRedirected.
func TestTransparent(t *testing.T) {
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: connections that are redirected are not tested", tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("not root, who alone may make networks: connections that are redirected are not tested")
	}
	router, clients := fmt.Sprintf("necto-%d-r", os.Getpid()), fmt.Sprintf("necto-%d-c", os.Getpid())
	for _, name := range []string{router, clients} {
		if out, err := exec.CommandContext(t.Context(), "ip", "netns", "add", name).CombinedOutput(); err != nil {
			t.Skipf("networks cannot be made here: %v: %s", err, out)
		}
		t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	}
	for _, args := range []string{
		"link add vr netns R type veth peer name vc netns C",
		"-n R addr add 10.77.0.1/24 dev vr", "-n R addr add fd77::1/64 dev vr nodad",
		"-n C addr add 10.77.0.2/24 dev vc", "-n C addr add fd77::2/64 dev vc nodad",
		"-n R addr add " + originIPv4 + "/32 dev lo", "-n R addr add " + originIPv6 + "/128 dev lo nodad",
		"-n R link set lo up", "-n R link set vr up", "-n C link set lo up", "-n C link set vc up",
		"-n C route add default via 10.77.0.1", "-n C -6 route add default via fd77::1",
	} {
		args = strings.NewReplacer("R", router, "C", clients).Replace(args)
		if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Skipf("ip %s: %v: %s", args, err, out)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "ip", "netns", "exec", router, self, "-test.run=^TestRedirected$", "-test.v")
	command.Env = append(os.Environ(), clientNamespace+"="+clients)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRedirected") {
		t.Errorf("%v\n%s", err, out)
	}
}

// dialFromClients connects from the network of the clients.
func dialFromClients(addr string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock it: the thread ends with its network
		var fd int
		if fd, err = unix.Open("/run/netns/"+os.Getenv(clientNamespace), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			conn, err = net.DialTimeout("tcp", addr, patience)
		}
	}()
	<-done
	return conn, err
}

// fromClients is dialFromClients for what has to succeed.
func fromClients(t *testing.T, addr string) *nectest.Conn {
	t.Helper()
	conn, err := dialFromClients(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return nectest.Converse(t, conn)
}

// TestRedirected has clients that know of no proxy. TestTransparent runs it.
func TestRedirected(t *testing.T) {
	if os.Getenv(clientNamespace) == "" {
		t.Skip("TestTransparent runs this in a network of its own")
	}
	answering, pool := secureOrigin(t, ok)
	plain := newAnswering(t, ok)
	greeting := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("220 hi\r\n" + c.ReadN(4)); c.ReadAll() })
	authority, config := authority(t)
	p := start(t, proxy.Options{CA: authority, Network: &proxy.Network{RootCAs: pool, Resolve: map[string]string{
		originIPv4 + ":80": plain.Addr, "[" + originIPv6 + "]:80": plain.Addr, originIPv4 + ":443": answering.Addr, originIPv4 + ":25": greeting.Addr,
	}}}, proxy.Listener{Addr: "[::]:0", Transparent: true})
	_, port, _ := net.SplitHostPort(p.addr)
	for _, rule := range []string{
		"add table inet necto",
		"add chain inet necto incoming { type nat hook prerouting priority -100; }",
		"add rule inet necto incoming tcp dport 1-999 redirect to :" + port,
	} {
		if out, err := exec.CommandContext(t.Context(), "nft", rule).CombinedOutput(); err != nil {
			t.Skipf("nft %s: %v: %s", rule, err, out)
		}
	}
	exchanges := 0
	check := func(url, server string) {
		t.Helper()
		exchanges++
		if x := p.WaitExchanges(t, exchanges)[exchanges-1]; x.Request.URL.String() != url || x.Server != server || x.Failure != nil {
			t.Errorf("URL %s of %s, failure %v; want %s", x.Request.URL, x.Server, x.Failure, url)
		}
	}
	for _, addr := range []string{originIPv4 + ":80", "[" + originIPv6 + "]:80"} {
		client := fromClients(t, addr)
		client.Send("GET /x HTTP/1.1\r\nHost: named.test\r\n\r\n")
		client.ReadN(len(ok))
		check("http://named.test/x", plain.Addr)
	}
	client := fromClients(t, originIPv4+":443").StartTLS(withName(config, nectest.OriginHost))
	client.Send("GET /x HTTP/1.1\r\nHost: whatever\r\n\r\n")
	client.ReadN(len(ok))
	check("https://"+nectest.OriginHost+"/x", answering.Addr)

	client = fromClients(t, "10.77.0.1:"+port) // by itself, as to any proxy
	client.Send(get(plain.Addr, "/x"))
	client.ReadN(len(ok))
	check("http://"+plain.Addr+"/x", plain.Addr)

	client = fromClients(t, originIPv4+":25")
	client.Send("EHLO")
	if got := client.ReadN(len("220 hi\r\nEHLO")); got != "220 hi\r\nEHLO" {
		t.Errorf("received %q", got)
	}
	if opened := waitEvent[traffic.TunnelOpened](t, p); opened.Target != originIPv4+":25" {
		t.Errorf("tunnel %+v", opened.Tunnel)
	}
	client.Close()
	waitEvent[traffic.TunnelClosed](t, p)

	if conn, err := dialFromClients(originIPv4 + ":26"); err == nil { // nobody is there
		if got := nectest.Converse(t, conn).ReadAll(); got != "" {
			t.Errorf("received %q", got)
		}
		conn.Close()
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	p.Wait(t, func([]traffic.Event) bool { return count[traffic.TunnelClosed](p) == 2 })
	events := p.Events()
	if failed := events[len(events)-1].(traffic.TunnelClosed); failed.Failure == nil || failed.Failure.Kind != traffic.FailConnect {
		t.Errorf("tunnel %+v", failed.Tunnel)
	}
}
