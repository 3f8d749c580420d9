package nectest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/necto-dev/necto/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRawConversationIsByteExact(t *testing.T) {
	server := NewRawServer(t, func(c *Conn) {
		head := c.ReadHead()
		c.Send("HTTP/1.1 200 Fine\r\n\r\n" + head)
	})
	conn := Dial(t, server.Addr)
	conn.Send("GET / HTTP/1.1\r\nhost:  x\r\n\r\n")
	want := "HTTP/1.1 200 Fine\r\n\r\nGET / HTTP/1.1\r\nhost:  x\r\n\r\n"
	if got := conn.ReadAll(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResetIsSeenAsTheEnd(t *testing.T) {
	server := NewRawServer(t, func(c *Conn) {
		c.ReadN(1)
		c.Reset()
	})
	conn := Dial(t, server.Addr)
	conn.Send("x")
	if !conn.Ended(patience) {
		t.Error("the reset was not seen")
	}
}

func TestQuietPeerHasNotEnded(t *testing.T) {
	server := NewRawServer(t, func(c *Conn) { c.ReadAll() })
	conn := Dial(t, server.Addr)
	if conn.Ended(10 * time.Millisecond) {
		t.Error("a connection that is only quiet was taken for closed")
	}
	conn.CloseWrite()
}

func TestTLSOriginIsTrustedByName(t *testing.T) {
	origin := NewTLSOrigin(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(origin.CertPEM)
	conn := Dial(t, origin.Addr).StartTLS(&tls.Config{RootCAs: roots, ServerName: OriginHost})
	conn.Send("GET /trailers HTTP/1.1\r\nHost: " + OriginHost + "\r\nConnection: close\r\n\r\n")
	conn.ReadHead()
	if got, want := conn.ReadAll(), "6\r\nfirst \r\n6\r\nsecond\r\n0\r\nX-Checksum: abc\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOriginCountsRequests(t *testing.T) {
	origin := NewOrigin(t)
	for _, want := range []string{"1\n", "2\n"} {
		conn := Dial(t, origin.Addr)
		conn.Send("GET /count HTTP/1.0\r\n\r\n")
		conn.ReadHead()
		if got := conn.ReadAll(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	origin.Close()
	if _, err := http.Get(origin.URL); err == nil {
		t.Error("a closed origin still answers")
	}
}

func TestCollectWaitsForExchanges(t *testing.T) {
	var c Collect
	var wg sync.WaitGroup
	wg.Go(func() {
		c.Observe(traffic.RequestStarted{Exchange: &traffic.Exchange{ID: 1}})
		c.Observe(traffic.ExchangeDone{Exchange: &traffic.Exchange{ID: 1}})
		c.Observe(traffic.ExchangeAborted{Exchange: &traffic.Exchange{ID: 2, Failure: &traffic.Failure{Err: errors.New("gone")}}})
	})
	ended := c.WaitExchanges(t, 2)
	wg.Wait()
	if ended[0].ID != 1 || ended[1].ID != 2 || len(c.Events()) != 3 {
		t.Errorf("kept %d events and exchanges %v", len(c.Events()), ended)
	}
}

func TestBufferGivesWhatWasNotTaken(t *testing.T) {
	var b Buffer
	var writers sync.WaitGroup
	for range 10 {
		writers.Go(func() { b.Logger().Info("written") })
	}
	writers.Wait()
	if got := strings.Count(b.String(), "msg=written\n"); got != 10 {
		t.Errorf("%d of 10 lines: %s", got, b.String())
	}
	if text := b.String(); b.Take() != text || b.String() != "" {
		t.Errorf("taken of %q, and %q is left", text, b.String())
	}
}
