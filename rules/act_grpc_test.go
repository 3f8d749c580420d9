package rules

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// getOrder is the path of a unary method.
const getOrder = "/shop.v1.Orders/Get"

// shop describes shop.v1.Orders.
func shop(t testing.TB) *protoset.Set {
	t.Helper()
	set, err := protoset.Load("../internal/protoset/testdata/api")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Messages of shop.v1: an order, and requests for one, have the ID first.
func orderBytes(id string) string { return "\x0a" + string(rune(len(id))) + id }

// framed returns messages, one after the other.
func framed(messages ...string) []byte {
	var body []byte
	for _, m := range messages {
		body = append(grpcwire.AppendPrefix(body, grpcwire.Message{Size: int64(len(m))}), m...)
	}
	return body
}

// rpc returns a call with these messages.
func rpc(t testing.TB, path, contentType string, messages ...string) *traffic.Request {
	t.Helper()
	req := request(t, "POST", "https://api.test"+path, field("content-type", contentType))
	body := framed(messages...)
	if grpcwire.FormatOf(contentType) == grpcwire.WebText {
		body = base64.StdEncoding.AppendEncode(nil, body)
	}
	req.Body, req.Length = traffic.NewMemoryBody(body), -1
	return req
}

// said is what a client hears of a call.
type said struct {
	Messages        []string
	Status, Message string
	Trailer         string // x-trail
}

// hear reads the answer to a call.
func hear(t testing.TB, resp *traffic.Response) (s said) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	format := grpcwire.FormatOf(resp.Header.Get("Content-Type"))
	trailer := resp.Trailer
	if format != grpcwire.GRPC {
		trailer = grpcwire.TrailerIn(bytes.NewReader(body), format)
	}
	for r := grpcwire.NewReader(bytes.NewReader(body), format, maxContent); r.Next(); {
		if !r.Message().Trailer {
			s.Messages = append(s.Messages, string(r.Content()))
		}
	}
	status, _ := grpcwire.StatusIn(trailer)
	s.Status, s.Message, s.Trailer = status.Name(), status.Message, trailer.Get("X-Trail")
	return s
}

func TestMocksOfCalls(t *testing.T) {
	for name, test := range map[string]struct {
		mock, contentType string
		want              said
	}{
		"described": {
			`{grpc: {messages: [{json: {orderId: "8"}}], trailers: {x-trail: behind}}}`, "application/grpc",
			said{[]string{orderBytes("8")}, "OK", "", "behind"},
		},
		"as it is sent": {`{grpc: {messages: [{base64: CgE4}]}}`, "application/grpc+proto", said{Messages: []string{orderBytes("8")}, Status: "OK"}},
		"empty":         {`{grpc: {messages: [{base64: ''}, {json: {}}]}}`, "application/grpc", said{Messages: []string{"", ""}, Status: "OK"}},
		"several, and a failure": {
			`{grpc: {messages: [{json: {orderId: a}}, {base64: CgE4}], status: 14, message: später}}`, "application/grpc",
			said{[]string{orderBytes("a"), orderBytes("8")}, "UNAVAILABLE", "später", ""},
		},
		"a failure alone": {`{grpc: {status: not_found}}`, "application/grpc", said{Status: "NOT_FOUND"}},
		"a template": {
			`{template: true, headers: {x-a: '{{.JSON.orderId}}'}, grpc: {messages: [{json: {orderId: '{{.JSON.orderId}}{{.Count}}'}}], ` +
				`message: '{{.JSON.orderId}}', trailers: {x-trail: '{{.Method}}'}}}`, "application/grpc",
			said{[]string{orderBytes("71")}, "OK", "7", "POST"},
		},
		"a template of JSON": {
			`{template: true, grpc: {messages: [{json: {a: '{{.JSON.orderId}}'}}]}}`, "application/grpc+json",
			said{Messages: []string{`{"a":"7"}`}, Status: "OK"},
		},
		"in a browser": {
			`{grpc: {messages: [{json: {orderId: "8"}}], status: 5, message: 100%, trailers: {X-Trail: behind}}}`, "application/grpc-web+proto",
			said{[]string{orderBytes("8")}, "NOT_FOUND", "100%", "behind"},
		},
		"in a browser as text": {`{grpc: {messages: [{json: {orderId: "8"}}, {base64: CgE4}]}}`, "application/grpc-web-text", said{Messages: []string{orderBytes("8"), orderBytes("8")}, Status: "OK"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, mock: "+test.mock+"}\n", map[string]string{})
			r.Protos = shop(t)
			message := orderBytes("7")
			if grpcwire.Codec(test.contentType) == "json" {
				message = `{"orderId":"7"}`
			}
			resp, err := r.ask(t.Context(), rpc(t, getOrder, test.contentType, message))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != 200 || resp.Header.Get("Content-Type") != test.contentType || resp.Length != -1 || resp.Source != traffic.SourceRule {
				t.Errorf("%+v", resp)
			}
			if diff := cmp.Diff(test.want, hear(t, resp)); diff != "" {
				t.Error(diff)
			}
			if r.sent != nil {
				t.Error("the request came to the server")
			}
		})
	}
}

// TestMessagesComeInTime: each as long behind the one before as the rule says, unless
// the client leaves.
func TestMessagesComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStation(t, "rules: [{name: a, mock: {delay: 1s, grpc: {messages: [{base64: AA==}, {after: 2s, base64: AQ==}, {after: 1h, base64: AQ==}]}}}]\n")
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := r.ask(ctx, rpc(t, "/a.B/C", "application/grpc"))
		if err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		for range 2 {
			if _, err := io.ReadFull(resp.Body, make([]byte, 6)); err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(began))
		}
		if diff := cmp.Diff([]time.Duration{time.Second, 3 * time.Second}, at); diff != "" {
			t.Error(diff)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := resp.Body.Read(make([]byte, 6)); !errors.Is(err, context.Canceled) {
			t.Errorf("behind the end of the client: %v", err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestMocksHearTheOnlyMessage of methods that take one, and wait for no other.
func TestMocksHearTheOnlyMessage(t *testing.T) {
	for path, want := range map[string]int{getOrder: len(framed(orderBytes("7"))), "/shop.v1.Orders/Watch": 0, "/a.B/C": 0} {
		r := newRoad(t, "- {name: a, mock: {grpc: {status: 5}}}\n", map[string]string{})
		r.Protos = shop(t)
		req := rpc(t, path, "application/grpc")
		body := bytes.NewReader(framed(orderBytes("7"), "more"))
		all := body.Len()
		req.Body = io.NopCloser(body)
		if resp, _ := r.do(t, req); resp.Trailer.Get("Grpc-Status") != "5" || all-body.Len() != want {
			t.Errorf("%s: %d bytes of the request were read, trailers %v", path, all-body.Len(), resp.Trailer)
		}
	}
}

// TestMocksOfCallsThatCannotBeMade fail the call: it is not for the server.
func TestMocksOfCallsThatCannotBeMade(t *testing.T) {
	for name, test := range map[string]struct{ mock, path, want string }{
		"not described": {`{grpc: {messages: [{json: {}}]}}`, "/a.B/C", "method is not described: /a.B/C; --proto names descriptions"},
		"no message":    {`{grpc: {messages: [{json: {id: 7}}]}}`, "/shop.v1.Orders/Get", `encode shop.v1.Order: unknown field "id"`},
		"a template":    {`{template: true, grpc: {messages: [{json: {orderId: '{{index .Query "a" 5}}'}}]}}`, "/shop.v1.Orders/Get", "out of range"},
		"its message":   {`{template: true, grpc: {message: '{{index .Query "a" 5}}'}}`, "/a.B/C", "out of range"},
		"its trailers":  {`{template: true, grpc: {trailers: {a: '{{index .Query "a" 5}}'}}}`, "/a.B/C", "out of range"},
		"its header":    {`{template: true, headers: {a: '{{index .Query "a" 5}}'}, grpc: {}}`, "/a.B/C", "out of range"},
	} {
		r := newRoad(t, "- {name: a, mock: "+test.mock+"}\n", map[string]string{})
		r.Protos = shop(t)
		_, err := r.ask(t.Context(), rpc(t, test.path, "application/grpc", orderBytes("7")))
		failure, ok := errors.AsType[*traffic.Failure](err)
		if !ok || failure.Kind != traffic.FailInternal || !strings.Contains(failure.Text, `rule "a" (`) || !strings.Contains(failure.Text, test.want) {
			t.Errorf("%s: error %v", name, err)
		}
		if diff := cmp.Diff([]string{"a"}, r.applied()); diff != "" || r.sent != nil {
			t.Errorf("%s: sent %v, %s", name, r.sent, diff)
		}
	}
}

func TestMocksOfCallsAreForCalls(t *testing.T) {
	r := newRoad(t, "- {name: a, mock: {grpc: {}}}\n", map[string]string{})
	if _, body := r.get(t, "https://api.test/"); body != "from the origin" || !strings.Contains(r.log.String(), "no gRPC call") {
		t.Errorf("%q, log %s", body, r.log.String())
	}
}

func TestCheckCalls(t *testing.T) {
	set := shop(t)
	for name, test := range map[string]struct {
		rule   string
		protos *protoset.Set
		want   string
	}{
		"in order":               {`match: {path: /shop.v1.Orders/Get}, mock: {grpc: {messages: [{json: {orderId: "7"}}]}}`, set, ""},
		"a stream":               {`match: {path: /shop.v1.Orders/Watch}, mock: {grpc: {messages: [{json: {}}, {base64: ""}]}}`, set, ""},
		"a failure":              {`match: {path: /shop.v1.Orders/Get}, mock: {grpc: {status: 5}}`, set, ""},
		"no mock":                {`match: {path: /}, tag: t`, nil, ""},
		"no mock of a call":      {`match: {path: /}, mock: {json: {}}`, nil, ""},
		"a pattern":              {`match: {path: /**}, mock: {grpc: {messages: [{json: {}}]}}`, nil, ""},
		"as it is sent":          {`match: {path: /a.B/C}, mock: {grpc: {messages: [{base64: AA==}]}}`, nil, ""},
		"messages in JSON":       {`match: {path: /a.B/C, header: {content-type: application/grpc+json}}, mock: {grpc: {messages: [{json: {}}]}}`, nil, ""},
		"a template":             {`match: {path: /shop.v1.Orders/Get}, mock: {template: true, grpc: {messages: [{json: {total: {units: "{{.Count}}"}}}]}}`, set, ""},
		"no description":         {`match: {path: /a.B/C}, mock: {grpc: {messages: [{json: {}}]}}`, nil, `rules.yaml:3:63: rule "r": method is not described: /a.B/C; name its description with --proto, or write the message in base64`},
		"another description":    {`match: {path: [/shop.v1.Orders/Get, /shop.v1.Orders/Gett]}, mock: {grpc: {messages: [{json: {}}]}}`, set, `method is not described: /shop.v1.Orders/Gett; `},
		"a member that is none":  {`match: {path: /shop.v1.Orders/Get}, mock: {grpc: {messages: [{json: {id: "7"}}]}}`, set, `encode shop.v1.Order: unknown field "id"`},
		"a path that is none":    {`match: {path: /get}, mock: {grpc: {}}`, set, `/get is no path of gRPC calls, which is /package.Service/Method`},
		"too many messages":      {`match: {path: /shop.v1.Orders/Get}, mock: {grpc: {messages: [{json: {}}, {base64: AA==}]}}`, set, `/shop.v1.Orders/Get answers with one message`},
		"no message for success": {`match: {path: /shop.v1.Orders/Get}, mock: {grpc: {}}`, set, `/shop.v1.Orders/Get answers with a message if the status is OK`},
	} {
		err := mustParse(t, "version: 1\nrules:\n  - {name: r, "+test.rule+"}\n").CheckCalls(test.protos)
		if _, ok := errors.AsType[*LoadError](err); ok != (test.want != "") || ok && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
