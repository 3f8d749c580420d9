package proxy_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// nameServer answers for the names below .test with the addresses given, and counts
// the questions.
type nameServer struct {
	addrs map[string][]string
	asked atomic.Int64
	conn  net.PacketConn
}

// newNameServer returns a resolver that asks a new name server, and the server.
func newNameServer(t testing.TB, addrs map[string][]string) (*net.Resolver, *nameServer) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{addrs: addrs, conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, conn.LocalAddr().String())
	}}, s
}

func (s *nameServer) serve() {
	question := make([]byte, 1<<10)
	for {
		n, from, err := s.conn.ReadFrom(question)
		if err != nil {
			return
		}
		s.asked.Add(1)
		if answer, err := s.answer(question[:n]); err == nil {
			s.conn.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	addrs, known := s.addrs[strings.TrimSuffix(q.Name.String(), ".")]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	m.Answers, m.Additionals = nil, nil
	for _, text := range addrs {
		addr := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return m.Pack()
}

// TestResolver asks another name server than the system's, and gets to what listens
// at any of the addresses.
func TestResolver(t *testing.T) {
	resolver, names := newNameServer(t, map[string][]string{
		"four.test": {"127.0.0.1"}, "six.test": {"::1"}, "both.test": {"::1", "127.0.0.1"},
	})
	p, _ := intercepting(t, proxy.Options{Network: &proxy.Network{Resolver: resolver}})
	exchanges := 0
	for _, c := range []struct{ listen, host string }{
		{"127.0.0.1", "four.test"}, {"[::1]", "six.test"}, {"127.0.0.1", "both.test"}, {"[::1]", "both.test"}, {"[::1]", "localhost"}, {"[::1]", "[::1]"},
	} {
		l, err := net.Listen("tcp", c.listen+":0")
		if err != nil {
			t.Skipf("no address %s here: %v", c.listen, err)
		}
		serveOnce(t, l)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		client := nectest.Dial(t, p.addr)
		client.Send(get(c.host+":"+port, "/"))
		if got := client.ReadN(len(ok)); got != ok {
			t.Errorf("%s, %s: received %q", c.listen, c.host, got)
		}
		exchanges++
		if x := p.WaitExchanges(t, exchanges)[exchanges-1]; x.Server != l.Addr().String() || (c.host == "[::1]") != (x.Timing.DNS == -1) {
			t.Errorf("%s: server %s, timing %+v", c.host, x.Server, x.Timing)
		}
	}
	if names.asked.Load() == 0 {
		t.Error("the name server was not asked")
	}
	client := nectest.Dial(t, p.addr)
	client.Send(get("missing.test", "/"))
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "no such host") {
		t.Errorf("received %q", got)
	}
	if x := p.WaitExchanges(t, exchanges+1)[exchanges]; x.Failure.Kind != traffic.FailDNS {
		t.Errorf("failure %+v", x.Failure)
	}
}

// serveOnce answers one request on l.
func serveOnce(t testing.TB, l net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1<<10)); err == nil {
			conn.Write([]byte(ok))
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}
