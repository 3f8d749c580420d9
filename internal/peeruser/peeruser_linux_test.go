package peeruser

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/necto-dev/necto/internal/nectest"
)

// TestIsOther connects from this user and from another one, in all ways in which a
// connection to loopback can be made.
func TestIsOther(t *testing.T) {
	for _, test := range []struct {
		name, listen, from string
	}{
		{"IPv4", "127.0.0.1:0", ""},
		{"IPv6", "[::1]:0", ""},
		{"another address of this machine", "127.0.0.1:0", "127.0.0.2:0"},
		{"IPv4 of a listener for both", "[::]:0", "127.0.0.1:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := listen(t, test.listen)
			for _, user := range []int{os.Geteuid(), nectest.Nobody} {
				client := nectest.DialAs(t, user, l.Addr(), test.from)
				if got := IsOther(accept(t, l)); got != (user != os.Geteuid()) {
					t.Errorf("user %d is another: %v", user, got)
				}
				_ = client.Close()
			}
		})
	}
}

// TestIsOtherOfWhoHasLeft is about clients that send and are gone before anybody
// looks: the kernel says that their sockets are root's, or has none.
func TestIsOtherOfWhoHasLeft(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset": func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			client := nectest.DialAs(t, os.Geteuid(), l.Addr(), "")
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			server := accept(t, l)
			if IsOther(server) {
				t.Error("is another user while it is there")
			}
			if err := leave(client); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); !IsOther(server); {
				if time.Now().After(deadline) {
					t.Fatal("is still taken for this user")
				}
				runtime.Gosched()
			}
		})
	}
}

// TestIsOtherOfHalfClosed is about a client that has said all and waits for the answer.
func TestIsOtherOfHalfClosed(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	client := nectest.DialAs(t, os.Geteuid(), l.Addr(), "")
	server := accept(t, l)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err == nil {
		t.Fatal("read something")
	}
	if IsOther(server) {
		t.Error("is another user")
	}
}

// TestIsOtherElsewhere is about connections that are none of TCP, and ends that are
// nowhere in this network namespace.
func TestIsOtherElsewhere(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if IsOther(server) {
		t.Error("a pipe has another user")
	}
	info, err := socketOf(plain(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}), plain(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 2}))
	if err != nil || info.found {
		t.Errorf("got %+v, %v", info, err)
	}
	l := listen(t, "127.0.0.1:0")
	info, err = socketOf(plain(l.Addr().(*net.TCPAddr)), plain(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}))
	if err != nil || info.found {
		t.Errorf("a listener is taken for a connection: %+v, %v", info, err)
	}
}

// FuzzParseAnswer holds that no answer makes it panic, and that what is short is none.
func FuzzParseAnswer(f *testing.F) {
	answer, _ := binary.Append(nil, binary.NativeEndian, unix.NlMsghdr{Type: unix.SOCK_DIAG_BY_FAMILY})
	answer, _ = binary.Append(answer, binary.NativeEndian, diagAnswer{State: stateEstablished, UID: 1, Inode: 2})
	f.Add(answer)
	f.Add(answer[:len(answer)-1])
	f.Fuzz(func(t *testing.T, text []byte) {
		if info, err := parseAnswer(text); err != nil && info != (socketInfo{}) {
			t.Errorf("got %+v with %v", info, err)
		}
	})
}

// BenchmarkIsOther is what a new connection costs.
func BenchmarkIsOther(b *testing.B) {
	l := listen(b, "127.0.0.1:0")
	nectest.DialAs(b, os.Geteuid(), l.Addr(), "")
	server := accept(b, l)
	b.ReportAllocs()
	for b.Loop() {
		if IsOther(server) {
			b.Fatal("is another user")
		}
	}
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip(err) // there is no IPv6
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func accept(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
