package proxy_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestTagsOfClients takes tags from credentials: for a request, or for all in a
// tunnel.
func TestTagsOfClients(t *testing.T) {
	const object = `{"tags":["checkout","run 7"],"more":1}`
	both := []string{"checkout", "run 7"}
	for name, c := range map[string]struct {
		user string
		want []string
	}{
		"object":           {"metadata:" + object, both},
		"base64url":        {"metadata:" + base64.RawURLEncoding.EncodeToString([]byte(object)), both},
		"padded base64url": {"metadata:" + base64.URLEncoding.EncodeToString([]byte(object)), both},
		"plain name":       {"metadata:checkout", []string{"checkout"}},
		"nothing":          {"metadata:", nil},
		"no tags":          {"metadata:{}", nil},
		"another user":     {"ann:" + object, nil},
	} {
		t.Run(name, func(t *testing.T) {
			origin := newAnswering(t, ok)
			p, _ := intercepting(t, proxy.Options{})
			authorization := "Proxy-Authorization: " + basic(c.user) + "\r\n\r\n"

			client := nectest.Dial(t, p.addr)
			client.Send(strings.TrimSuffix(get(origin.Addr, "/"), "\r\n") + authorization + get(origin.Addr, "/untagged"))
			client.ReadN(2 * len(ok))
			p.WaitExchanges(t, 2)
			client = nectest.Dial(t, p.addr)
			client.Send("CONNECT " + origin.Addr + " HTTP/1.1\r\nHost: x\r\n" + authorization)
			client.ReadN(len(established))
			for range 2 {
				client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				client.ReadN(len(ok))
			}
			p.WaitExchanges(t, 4)
			user, password, _ := strings.Cut(c.user, ":")
			client = nectest.Dial(t, p.addr)
			client.Send("\x05\x02\x00\x02\x01" + counted(user) + counted(password) + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, origin.Addr))
			client.ReadN(len("\x05\x02\x01\x00") + len(socksGranted) - 2)
			client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			client.ReadN(len(ok))

			for i, x := range p.WaitExchanges(t, 5) {
				want := c.want
				if i == 1 { // the other request of a connection that is not a tunnel
					want = nil
				}
				if diff := cmp.Diff([][]string{want, want}, [][]string{x.ClientTags, x.Tags}); diff != "" {
					t.Errorf("exchange %d has the tags (-want +got):\n%s", i, diff)
				}
				if x.Request.Header.Has("Proxy-Authorization") && strings.HasPrefix(c.user, "metadata:") {
					t.Error("the credentials are recorded")
				}
			}
		})
	}
}

// counted is a string as SOCKS has it.
func counted(s string) string { return string(byte(len(s))) + s }

// TestTagsAreAddedTo has a layer that tags as well.
func TestTagsAreAddedTo(t *testing.T) {
	tagging := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		traffic.NotesFrom(ctx).Tag("layer")
		return next.RoundTrip(ctx, req)
	})
	p := start(t, proxy.Options{Layers: []proxy.Layer{tagging, answerWith(traffic.Response{Status: 204})}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nProxy-Authorization: " + basic("metadata:mine") + "\r\n\r\n")
	client.ReadHead()
	x := p.WaitExchanges(t, 1)[0]
	if diff := cmp.Diff([]string{"mine", "layer"}, x.Tags); diff != "" || len(x.ClientTags) != 1 {
		t.Errorf("tags of the client %q, all (-want +got):\n%s", x.ClientTags, diff)
	}
}

// TestTagsOfTunnels has a tunnel that nobody reads, and clients that fail.
func TestTagsOfTunnels(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadAll() })
	p, _ := intercepting(t, proxy.Options{})
	for _, said := range []string{"\x00\x01", "\x16\x03\x01\x00\x05hello", "GET / HTTP/9.9\r\n\r\n"} {
		client := nectest.Dial(t, p.addr)
		client.Send("CONNECT " + origin.Addr + " HTTP/1.1\r\nHost: x\r\nProxy-Authorization: " + basic("metadata:mine") + "\r\n\r\n" + said)
		client.CloseWrite()
		client.ReadAll()
	}
	want := []string{"mine"}
	failed := clientError(t, p)
	got := [][]string{waitEvent[traffic.TunnelOpened](t, p).Tags, waitEvent[traffic.TLSFailed](t, p).Tags, failed.Tags}
	if diff := cmp.Diff([][]string{want, want, want}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if failed.Target != origin.Addr || failed.Secure || failed.Started.IsZero() {
		t.Errorf("error %+v", failed)
	}
}

// TestBadMetadata refuses what would be lost without a word.
func TestBadMetadata(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	for _, password := range []string{`{"tags":"checkout"}`, `{"tags":`} {
		client := nectest.Dial(t, p.addr)
		client.Send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nProxy-Authorization: " + basic("metadata:"+password) + "\r\n\r\n")
		if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "is not an object with tags") {
			t.Errorf("received %q", got)
		}
		client = nectest.Dial(t, p.addr)
		client.Send("\x05\x01\x02\x01" + counted("metadata") + counted(password))
		if got := client.ReadAll(); got != "\x05\x02\x01\x01" {
			t.Errorf("received %q", got)
		}
	}
	if e := clientError(t, p); strings.Contains(string(e.Head), "Authorization") {
		t.Errorf("event %+v", e)
	}
}

// TestTagsBehindAPassword has only one kind of credentials: those that are asked for.
func TestTagsBehindAPassword(t *testing.T) {
	p := start(t, proxy.Options{Auth: ann}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nProxy-Authorization: " + basic("metadata:mine") + "\r\n\r\n")
	checkAsked(t, p, client)
}
