package fleet_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// TestNodesAreForgotten is about sessions of nodes that left, and may come back.
func TestNodesAreForgotten(t *testing.T) {
	const hello, bye, short, long = `[{"kind":"hello","session":"S"}]`, `[{"kind":"bye"}]`, 14 * time.Minute, 16 * time.Minute
	for name, c := range map[string]struct {
		leave func(fleet.Listener)
		back  int // the number of the node that comes back, 0 for none
		after time.Duration
		want  []string
	}{
		"it says so":                  {leave: func(l fleet.Listener) { l.Entry(2, 2, bye) }, after: long, want: []string{"S"}},
		"it is not heard any more":    {leave: func(l fleet.Listener) { l.Sweep(time.Now().Add(time.Minute)) }, after: long + time.Minute, want: []string{"S"}},
		"not long ago":                {leave: func(l fleet.Listener) { l.Entry(2, 2, bye) }, after: short},
		"it comes back":               {leave: func(l fleet.Listener) { l.Entry(2, 2, bye) }, back: 2, after: long},
		"it comes back as another":    {leave: func(l fleet.Listener) { l.Entry(2, 2, bye) }, back: 3, after: long},
		"it never said what it is of": {leave: func(l fleet.Listener) { l.Entry(4, 1, "[]"); l.Entry(4, 2, bye) }, after: long},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			l := fleet.NewListener(fleet.SpaceOptions{Observer: new(nectest.Collect), Forgotten: func(session string) { got = append(got, session) }})
			l.Entry(2, 1, hello)
			c.leave(l)
			if c.back > 0 {
				l.Entry(c.back, 3, hello)
			}
			for range 2 { // it is told once
				l.Sweep(time.Now().Add(c.after))
				c.after += 3 * time.Second
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("forgotten (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHitsAreToldWithTheirContent is about content in a file, to who joins when only
// the hit keeps it.
func TestHitsAreToldWithTheirContent(t *testing.T) {
	server := nectest.NewRedis(t)
	one := join(t, server, "ONE")
	x := whole(1)
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	body := traffic.NewBody(-1)
	body.Append(content)
	hit := &traffic.Hit{ID: 1, Exchange: x, Phase: traffic.PhaseRequest, Time: time.Now(), Request: x.Request, RequestBody: body}
	one.Observe(traffic.RequestStarted{Exchange: x})
	one.Observe(traffic.BreakpointHit{Hit: hit})
	body.Release()

	two := join(t, server, "TWO")
	eventually(t, "the hit is told", func() bool { return len(two.told()) == 2 })
	told, _ := two.seen.Events()[1].(traffic.BreakpointHit)
	got, err := io.ReadAll(told.RequestBody.Open())
	if err != nil || !bytes.Equal(got, content[:len(got)]) || len(got) != 256<<10 || !told.RequestBody.Truncated() {
		t.Errorf("%d bytes of %d, %v", len(got), told.RequestBody.Size(), err)
	}
	one.Observe(traffic.BreakpointResumed{Hit: hit, Resumed: time.Now(), Action: traffic.ResumeContinue})
	eventually(t, "its end is told", func() bool { return len(two.told()) == 3 })
	one.leave(t)
	two.leave(t)
	if got, err := io.ReadAll(body.Open()); err == nil {
		t.Errorf("%d bytes of content are still kept", len(got))
	}
}

// TestCloseDoesNotWaitForFrames is about a connection that takes none.
func TestCloseDoesNotWaitForFrames(t *testing.T) {
	server := nectest.NewRedis(t)
	one, two := join(t, server, "ONE"), join(t, server, "TWO")
	node := two.sees(t, "ONE")
	one.holds.stuck = make(chan struct{})
	injected := make(chan error)
	go func() {
		injected <- two.Inject(traffic.ExchangeID(node<<traffic.NodeShift|1), traffic.Injection{Opcode: traffic.OpText})
	}()
	<-one.holds.stuck
	one.leave(t)
	if err := <-injected; err == nil {
		t.Error("a frame was sent by a node that has left")
	}
	one.holds.stuck <- struct{}{}
	two.leave(t)
}

// TestTextThatIsNotUTF8 reaches other nodes as it was sent.
func TestTextThatIsNotUTF8(t *testing.T) {
	server := nectest.NewRedis(t)
	one, two := join(t, server, "ONE"), join(t, server, "TWO")
	two.sees(t, "ONE")
	x := whole(1)
	x.Request.Method, x.Request.Target, x.Request.URL.Target = "G\xe9T", "/\xff", "/\xff"
	x.Request.Header = traffic.Fields{{Name: "A", Value: "gr\xfc\xdfe"}, {Name: "\x80", Value: "grüße"}, {Name: "B", Value: "<grüße>"}}
	x.Response.Reason = "tr\xe8s bien"
	x.Response.Trailer = traffic.Fields{{Name: "C", Value: "\xff"}}
	one.Observe(traffic.ExchangeDone{Exchange: x})
	eventually(t, "the exchange is told", func() bool { return len(two.told()) == 4 })
	done, _ := two.seen.Events()[3].(traffic.ExchangeDone)
	fields := cmp.Comparer(func(a, b traffic.Field) bool { return a.Name == b.Name && a.Value == b.Value })
	if diff := cmp.Diff(x.Request, done.Request, fields); diff != "" {
		t.Errorf("request (-sent +told):\n%s", diff)
	}
	if done.Response.Reason != x.Response.Reason || !cmp.Equal(x.Response.Trailer, done.Response.Trailer, fields) {
		t.Errorf("response %q, %q", done.Response.Reason, done.Response.Trailer)
	}
	one.leave(t)
	two.leave(t)
}

// TestTextThatIsNoText is refused: others can write to Redis, too.
func TestTextThatIsNoText(t *testing.T) {
	for _, request := range []string{
		`"header":{}`, `"header":[1]`, `"header":[["a"]]`, `"header":[["a",1]]`, `"header":[["a","b","c"]]`, `"header":[["a","b","latin1","c"]]`,
		`"header":[["a","\u0100","latin1"]]`, `"target":1`, `"target":["a"]`, `"target":["a","b"]`, `"target":["\u0100","latin1"]`,
	} {
		var seen nectest.Collect
		takeBatch(`[{"kind":"request-started","exchange":{"id":1,"request":{`+request+`}}}]`, &seen)
		if n := len(seen.Events()); n != 0 {
			t.Errorf("%s: %d events", request, n)
		}
	}
}
