package proxy_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// adding is a layer that adds a field with the value to whatever the path says.
func adding(value string) proxy.Layer {
	field := traffic.Fields{{Name: "X-Added", Value: value}}
	return layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		where := req.URL.Target
		switch where {
		case "/request":
			req = req.Clone()
			req.Header = append(req.Header, field...)
		case "/early":
			if err := req.Informational(&traffic.Response{Status: 103, Header: field}); err != nil {
				return nil, err
			}
		case "/late-status":
			if err := req.Informational(&traffic.Response{Status: 200}); err != nil {
				return nil, err
			}
		}
		resp, err := next.RoundTrip(ctx, req)
		switch {
		case err != nil:
		case where == "/response":
			resp.Header = append(resp.Header.Clone(), field...)
		case where == "/trailer":
			_ = resp.Body.Close()
			resp.Body, resp.Length, resp.Trailer = traffic.NewMemoryBody([]byte("made")), -1, field
		}
		return resp, err
	})
}

// TestHTTP2PaddedValues takes away the white space around values that layers have
// added, as who reads HTTP/1 would.
func TestHTTP2PaddedValues(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{Layers: []proxy.Layer{adding("\t a b ")}}, func(st *h2.Stream) {
		answer(st, "", traffic.Field{Name: "x-seen", Value: st.Head().Fields.Get("x-added")})
	})
	for _, where := range []string{"request", "response", "early", "trailer"} {
		st := send(t, client, get2(addr, "/"+where))
		head, _ := receive(t, st)
		got := head.Fields.Get("x-added")
		if where == "early" {
			head, _ = receive(t, st)
		}
		switch where {
		case "request":
			got = head.Fields.Get("x-seen")
		case "trailer":
			got = st.Trailer().Get("x-added")
		}
		if head.Status() != 200 || got != "a b" {
			t.Errorf("%s: status %d, value %q", where, head.Status(), got)
		}
	}
	for _, x := range p.WaitExchanges(t, 4) {
		if x.Failure != nil {
			t.Errorf("%s: %v", x.Request.Target, x.Failure)
		}
	}
}

// TestHTTP2ForbiddenValues has layers add what cannot be sent, for which nobody else
// is to blame.
func TestHTTP2ForbiddenValues(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{Layers: []proxy.Layer{adding("a\nb")}}, func(st *h2.Stream) { answer(st, "") })
	places := []string{"/request", "/response", "/early", "/late-status", "/trailer"}
	for _, where := range places {
		st := send(t, client, get2(addr, where))
		if where == "/trailer" { // behind the answer
			if got := resetOf(t, st); got != h2.CodeInternal {
				t.Errorf("%s: %v", where, got)
			}
		} else if head, text := receive(t, st); head.Status() != 502 || !strings.Contains(text, "a rule made a") {
			t.Errorf("%s: status %d, %q", where, head.Status(), text)
		}
	}
	for _, x := range p.WaitExchanges(t, len(places)) {
		var got []string
		if f := x.Failure; f != nil {
			got = []string{string(f.Kind), string(f.Side)}
		}
		if diff := cmp.Diff([]string{"protocol", "necto"}, got); diff != "" {
			t.Errorf("%s: failure (-want +got):\n%s", x.Request.Target, diff)
		}
	}
}
