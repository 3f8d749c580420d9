package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// grpcMessage returns a message with its prefix.
func grpcMessage(content string) []byte {
	return append(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(content))}), content...)
}

// The framing of gRPC is the same over HTTP/1, where chunks carry it. There content
// is noted once it was sent, so that the answer to it may be noted before.
func TestMessagesOfCallsAreNoted(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(append(content, grpcMessage("and more")...))
		w.Header().Set("Grpc-Status", "0")
	}))
	t.Cleanup(origin.Close)
	p := start(t, proxy.Options{MaxBody: 8}, proxy.Listener{})
	client := through(t, p, nil)

	both := []traffic.GRPCMessage{
		{Dir: traffic.ClientToServer, Size: 300},
		{Dir: traffic.ClientToServer, Size: 0},
		{Dir: traffic.ServerToClient, Size: 300},
		{Dir: traffic.ServerToClient, Size: 0},
		{Dir: traffic.ServerToClient, Size: 8},
	}
	for i, c := range []struct {
		name, contentType, coding string
		want                      []traffic.GRPCMessage
	}{
		{"gRPC", "application/grpc+proto", "", both},
		{"gRPC-Web", "application/grpc-web", "", both},
		{"no gRPC", "application/octet-stream", "", nil},
		{"coded as a whole", "application/grpc", "x-unknown", both[2:]},
	} {
		content := append(grpcMessage(strings.Repeat("x", 300)), grpcMessage("")...)
		req, err := http.NewRequestWithContext(t.Context(), "POST", origin.URL+"/pkg.Service/Method", io.NopCloser(bytes.NewReader(content)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.contentType)
		if c.coding != "" {
			req.Header.Set("Content-Encoding", c.coding)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		x := p.WaitExchanges(t, i+1)[i]
		for n, m := range x.GRPC {
			if m.At <= 0 || m.At > x.Duration || n > 0 && m.At < x.GRPC[n-1].At {
				t.Errorf("%s: message %d at %v of %v", c.name, n, m.At, x.Duration)
			}
		}
		byDirection := slices.SortedStableFunc(slices.Values(x.GRPC), func(a, b traffic.GRPCMessage) int { return int(a.Dir) - int(b.Dir) })
		if diff := cmp.Diff(c.want, byDirection, cmpopts.IgnoreFields(traffic.GRPCMessage{}, "At")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if least := min(len(x.GRPC), 2); c.coding == "" && (x.GRPCEnd < least || x.GRPCEnd > len(x.GRPC)) {
			t.Errorf("%s: ended behind %d messages, want at least %d", c.name, x.GRPCEnd, least)
		}
	}
}
