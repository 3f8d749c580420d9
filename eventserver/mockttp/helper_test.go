package mockttp

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/necto-dev/necto/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector notes what a Mapper publishes.
type collector struct {
	t      testing.TB
	events []*Event
}

// newMapper returns a Mapper of which all is wanted.
func newMapper(t testing.TB) (*Mapper, *collector) {
	c := &collector{t: t}
	m := New(Options{
		Publish: func(e *Event) { c.events = append(c.events, e) },
		ID:      func(id traffic.ExchangeID) string { return fmt.Sprint("x", id) },
	})
	m.Want(All)
	t.Cleanup(func() { m.Want(0) })
	return m, c
}

// names returns the names of what was published, and forgets it.
func (c *collector) names() []string {
	var names []string
	for _, e := range c.take() {
		names = append(names, e.Kind.String())
	}
	return names
}

// take returns what was published, and forgets it.
func (c *collector) take() []*Event {
	events := c.events
	c.events = nil
	return events
}

// payload returns the payload of the first event of a kind, attachments as text
// where they belong.
func (c *collector) payload(k Kind) map[string]any {
	c.t.Helper()
	for _, e := range c.events {
		if e.Kind == k {
			return decodePayload(c.t, e)
		}
	}
	c.t.Fatalf("no %s among %q", k, c.names())
	return nil
}

func decodePayload(t testing.TB, e *Event) map[string]any {
	t.Helper()
	p := e.Encode()
	var text []byte
	from := 0
	for i, hole := range p.Holes {
		text = append(append(text, p.Text[from:hole]...), fmt.Sprint(i)...)
		from = hole
	}
	text = append(text, p.Text[from:]...)
	var payload map[string]any
	if err := json.Unmarshal(text, &payload); err != nil {
		t.Fatalf("%s: %v: %s", e.Kind, err, text)
	}
	return attach(payload, p.Attachments).(map[string]any)
}

// attach puts attachments in the place of what stands for them.
func attach(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = attach(v[i], attachments)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return string(attachments[int(v["num"].(float64))])
		}
		for name := range v {
			v[name] = attach(v[name], attachments)
		}
	}
	return v
}

// began is when the exchanges of tests did: wall clock only, as in a recording.
var began = time.UnixMilli(1_790_000_000_000)

// newExchange returns an exchange that has begun.
func newExchange(id traffic.ExchangeID, method, url string) *traffic.Exchange {
	u, err := traffic.ParseURL(url)
	if err != nil {
		panic(err)
	}
	return &traffic.Exchange{
		ID: id, Conn: 1, Started: began, Client: "127.0.0.1:50312",
		Request: &traffic.Request{
			Method: method, Target: u.Target, URL: u, Proto: "HTTP/1.1",
			Header: traffic.Fields{{Name: "Host", Value: u.Authority}, {Name: "X-Dup", Value: "1"}, {Name: "x-dup", Value: "2"}},
		},
		RequestDone: -1, ResponseStarted: -1,
	}
}

// answer fills in the response of an exchange.
func answer(x *traffic.Exchange, status int) {
	x.ResponseStarted = 5 * time.Millisecond
	x.Response = &traffic.Response{Status: status, Reason: "OK", Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "X-A", Value: "1"}}}
}

// play tells of an exchange that has completed, event by event.
func play(m *Mapper, x *traffic.Exchange, content string) {
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestDone = time.Millisecond
	m.Observe(traffic.RequestDone{Exchange: x})
	x.Server = "127.0.0.1:80"
	answer(x, 200)
	m.Observe(traffic.ResponseStarted{Exchange: x})
	if content != "" {
		x.ResponseBody = traffic.BodyOf([]byte(content))
	}
	x.Duration = 9 * time.Millisecond
	m.Observe(traffic.ExchangeDone{Exchange: x})
}
