package proxy_test

import (
	"io"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestHTTP2Stalls has either side take no content for longer than it may, which is
// a timeout of that side.
func TestHTTP2Stalls(t *testing.T) {
	proxy.SetStallTimeout(t, 200*time.Millisecond)
	endless := func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		_, _ = st.Write(make([]byte, 8<<20)) // more than windows
		<-st.Context().Done()
	}
	unread := func(st *h2.Stream) { <-st.Context().Done() }
	for name, c := range map[string]struct {
		side   traffic.Side
		method string
		handle func(*h2.Stream)
	}{
		"client": {traffic.SideClient, "GET", endless},
		"origin": {traffic.SideUpstream, "POST", unread},
	} {
		t.Run(name, func(t *testing.T) {
			client, addr, p := setupEngine(t, proxy.Options{MaxBody: kibibyte}, c.handle)
			head := h2.RequestHead(c.method, "https", addr, "/", nil)
			head.End = c.method == "GET"
			st := send(t, client, head)
			if !head.End {
				_, _ = st.Write(make([]byte, 6<<20))
				if head, _ := receive(t, st); head.Status() != 502 {
					t.Errorf("status %d", head.Status())
				}
			}
			f := p.WaitExchanges(t, 1)[0].Failure
			if f == nil || f.Kind != traffic.FailTimeout || f.Side != c.side {
				t.Errorf("failure %+v", f)
			}
			_, _ = io.Copy(io.Discard, st)
		})
	}
}
