package eventserver

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/traffic"
)

// patience is how long a test waits for what is about to happen.
const patience = 30 * time.Second

// testSession is the id of the session of the test servers.
const testSession = "01KAHQ2V7M6Q9Z4B8N3T5R1XCD"

// start serves a Server until the test ends and returns it with its address.
func start(t testing.TB, o Options) (*Server, string) {
	t.Helper()
	o.SessionID, o.SessionName = testSession, "test"
	s := New(o)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Close(ctx)
		web.Close()
	})
	return s, web.URL
}

// peer is a client of a test. What goes wrong fails the test.
type peer struct {
	t testing.TB
	*eventclient.Client
}

// dial connects a client that leaves when the test ends, or after patience.
func dial(t testing.TB, address string) *peer {
	t.Helper()
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = c.Close() }) // so that Next fails
	t.Cleanup(func() {
		late.Stop()
		_ = c.Close()
	})
	return &peer{t, c}
}

// subscribed connects a client that has sent traffic:subscribe.
func subscribed(t testing.TB, address string, options map[string]any) *peer {
	t.Helper()
	p := dial(t, address)
	p.call("traffic:subscribe", options)
	return p
}

// call returns the result of an event.
func (p *peer) call(name string, arg any) map[string]any {
	p.t.Helper()
	text, err := p.Call(name, arg)
	if err != nil {
		p.t.Fatal(err)
	}
	var result map[string]any
	if text != nil {
		if err := json.Unmarshal(text, &result); err != nil {
			p.t.Fatal(err)
		}
	}
	return result
}

// refused expects an event to be answered with an error that has text in it.
func (p *peer) refused(name string, arg any, text string) {
	p.t.Helper()
	if _, err := p.Call(name, arg); err == nil || !strings.Contains(err.Error(), text) {
		p.t.Errorf("%s %v: got %v, want %q", name, arg, err, text)
	}
}

// got is an event whose attachments are where they belong, as text.
type got struct {
	name string
	args []any
}

// next returns the next event.
func (p *peer) next() got {
	p.t.Helper()
	e, err := p.Next()
	if err != nil {
		p.t.Fatal(err)
	}
	g := got{name: e.Name}
	for _, raw := range e.Args {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			p.t.Fatalf("%s: %v: %s", e.Name, err, raw)
		}
		g.args = append(g.args, fill(v, e.Attachments))
	}
	return g
}

// fill puts attachments in the place of what stands for them.
func fill(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = fill(v[i], attachments)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return "binary " + string(attachments[int(v["num"].(float64))])
		}
		for name := range v {
			v[name] = fill(v[name], attachments)
		}
	}
	return v
}

// expect returns the argument of the next event, which has that name.
func (p *peer) expect(name string) any {
	p.t.Helper()
	g := p.next()
	if g.name != name {
		p.t.Fatalf("got %s %v, want %s", g.name, g.args, name)
	}
	if len(g.args) == 0 {
		return nil
	}
	return g.args[0]
}

// batch returns the entries of the next event, a traffic:batch.
func (p *peer) batch() []map[string]any {
	p.t.Helper()
	var entries []map[string]any
	for _, e := range p.expect("traffic:batch").([]any) {
		entries = append(entries, e.(map[string]any))
	}
	return entries
}

// until returns the names of the events up to the one of that name.
func (p *peer) until(name string) []string {
	p.t.Helper()
	var names []string
	for {
		g := p.next()
		names = append(names, g.name)
		if g.name == name {
			return names
		}
	}
}

// checkMembers compares some members of an object.
func checkMembers(t testing.TB, object any, want map[string]any) {
	t.Helper()
	all, _ := object.(map[string]any)
	have := map[string]any{}
	for name := range want {
		if v, ok := all[name]; ok {
			have[name] = v
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("members (-want +got):\n%s\nof %v", diff, object)
	}
}

// testTime is when the exchanges of tests began.
var testTime = time.UnixMilli(1_790_000_000_000)

// newExchange returns an exchange that has begun.
func newExchange(id traffic.ExchangeID, url string) *traffic.Exchange {
	u, err := traffic.ParseURL(url)
	if err != nil {
		panic(err)
	}
	return &traffic.Exchange{
		ID: id, Conn: 1, Started: testTime, Client: "127.0.0.1:50312",
		Request: &traffic.Request{
			Method: "GET", Target: u.Target, URL: u, Proto: "HTTP/1.1",
			Header: traffic.Fields{{Name: "Host", Value: u.Authority}},
		},
		RequestDone: -1, ResponseStarted: -1,
	}
}

// answered returns a copy of an exchange as it is at its end, with a text as the
// content of the response.
func answered(x *traffic.Exchange, status int, content string) *traffic.Exchange {
	c := *x
	c.Response = &traffic.Response{
		Status: status, Reason: "OK", Proto: "HTTP/1.1",
		Header: traffic.Fields{{Name: "Content-Type", Value: "text/plain"}},
	}
	c.ResponseBody = traffic.BodyOf([]byte(content))
	c.Duration = 12 * time.Millisecond
	return &c
}

// observe tells of an exchange from its beginning to its end.
func observe(s *Server, id traffic.ExchangeID, url, content string) {
	x := newExchange(id, url)
	s.Observe(traffic.RequestStarted{Exchange: x})
	s.Observe(traffic.ExchangeDone{Exchange: answered(x, 200, content)})
}

// entryID is the id of an exchange in the test's session.
func entryID(id int) string { return testSession + "-" + strconv.Itoa(id) }
