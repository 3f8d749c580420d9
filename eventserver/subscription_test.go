package eventserver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// mark publishes an event that all clients get.
func mark(s *Server) { s.ProxyFailed("mark") }

// marked is the name of that event.
const marked = "proxy:error"

func TestTrafficNeedsASubscription(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address)
	observe(s, 1, "http://a.test/", "")
	mark(s)
	if diff := cmp.Diff([]string{marked}, p.until(marked)); diff != "" {
		t.Errorf("without one (-want +got):\n%s", diff)
	}
	p.call("traffic:subscribe", map[string]any{})
	observe(s, 2, "http://a.test/", "")
	mark(s)
	if diff := cmp.Diff([]string{"traffic:batch", "traffic:update", marked}, p.until(marked)); diff != "" {
		t.Errorf("with one (-want +got):\n%s", diff)
	}
	p.call("traffic:unsubscribe", nil)
	observe(s, 3, "http://a.test/", "")
	mark(s)
	if diff := cmp.Diff([]string{marked}, p.until(marked)); diff != "" {
		t.Errorf("without it again (-want +got):\n%s", diff)
	}
}

func TestWhatSeveralSubscriptionsWantComesOnce(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	p.call("traffic:subscribe", map[string]any{"sessionId": testSession})
	p.call("traffic:subscribe", map[string]any{"sessionId": testSession, "filter": "method:GET"})
	p.call("session:subscribe", testSession)
	observe(s, 1, "http://a.test/", "")
	mark(s)
	if diff := cmp.Diff([]string{"traffic:batch", "traffic:update", marked}, p.until(marked)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSessionsAreToldApart(t *testing.T) {
	s, address := start(t, Options{})
	other := s.CreateSession("other")
	tests := []struct {
		name    string
		event   string
		arg     any
		batches int
	}{
		{"the first session", "traffic:subscribe", map[string]any{"sessionId": testSession}, 1},
		{"the first session as a whole", "session:subscribe", testSession, 1},
		{"an unknown session", "session:subscribe", "unknown", 0},
		{"all sessions", "traffic:subscribe", map[string]any{}, 2},
	}
	peers := make([]*peer, len(tests))
	for i, test := range tests {
		peers[i] = dial(t, address)
		peers[i].call(test.event, test.arg)
	}
	begun := newExchange(1, "http://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: begun})
	if _, err := s.ActivateSession(other.ID); err != nil {
		t.Fatal(err)
	}
	observe(s, 2, "http://a.test/", "")
	s.Observe(traffic.ExchangeDone{Exchange: answered(begun, 200, "")})
	mark(s)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			batches, updates := 0, 0
			for _, name := range peers[i].until(marked) {
				switch name {
				case "traffic:batch":
					batches++
				case "traffic:update":
					updates++
				}
			}
			if batches != test.batches || updates != test.batches {
				t.Errorf("got %d batches and %d updates, want %d of each", batches, updates, test.batches)
			}
		})
	}
}

func TestUnsubscribeFromASession(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address)
	p.call("session:subscribe", testSession)
	p.call("session:unsubscribe", testSession)
	observe(s, 1, "http://a.test/", "")
	mark(s)
	if diff := cmp.Diff([]string{marked}, p.until(marked)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFilters(t *testing.T) {
	tests := []struct {
		name, filter string
		want         []string
	}{
		{"by the request", "host:a.test", []string{"traffic:batch", "traffic:update", marked}},
		{"by the response", "status:404", []string{"traffic:batch", "traffic:update", marked}},
		{"by the content of the request", "body~asked", []string{"traffic:batch", "traffic:update", marked}},
		{"nothing", "host:b.test", []string{marked}},
		{"frames", "ws", []string{
			"traffic:batch", "traffic:update", "websocket:open", "websocket:frame", "websocket:close", "traffic:update", marked,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, address := start(t, Options{})
			p := subscribed(t, address, map[string]any{"filter": test.filter})
			x := newExchange(1, "http://a.test/")
			s.Observe(traffic.RequestStarted{Exchange: x})
			x.RequestBody = traffic.BodyOf([]byte("asked"))
			s.Observe(traffic.RequestDone{Exchange: x})
			s.Observe(traffic.ExchangeDone{Exchange: answered(x, 404, "")})
			observeSocket(s, 2, "ws://c.test/")
			mark(s)
			if diff := cmp.Diff(test.want, p.until(marked)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// observeSocket tells of a WebSocket connection with one frame.
func observeSocket(s *Server, id traffic.ExchangeID, url string) {
	x := newExchange(id, url)
	s.Observe(traffic.RequestStarted{Exchange: x})
	open := answered(x, 101, "")
	open.WS = &traffic.WebSocket{}
	s.Observe(traffic.WSOpened{Exchange: open})
	s.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: open, Seq: 1, Opcode: traffic.OpText, Fin: true}})
	s.Observe(traffic.WSClosed{Exchange: open, Close: &traffic.WSClose{Code: 1000}})
}

func TestLateJoinersMayHaveTheBacklog(t *testing.T) {
	s, address := start(t, Options{})
	observe(s, 1, "http://a.test/one", "")
	observe(s, 2, "http://a.test/two", "")
	mark(s)
	p := dial(t, address)
	answer := p.call("traffic:subscribe", map[string]any{"since": 0})
	want := map[string]any{"seq": 6.0, "since": 1.0, "dropped": 0.0, "sessionId": testSession}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if n := len(p.batch()); n != 2 {
		t.Errorf("%d entries of the backlog", n)
	}
	p.until(marked)
	observe(s, 3, "http://a.test/three", "")
	checkMembers(t, p.batch()[0], map[string]any{"path": "/three"})
}

func TestBacklogThatIsGoneIsNoLag(t *testing.T) {
	s, address := start(t, Options{RingItems: 4, DropLagging: true})
	for range 10 {
		mark(s)
	}
	p := dial(t, address)
	answer := p.call("traffic:subscribe", map[string]any{"since": 2})
	checkMembers(t, answer, map[string]any{"since": 7.0, "dropped": 5.0})
	for range 4 {
		p.expect(marked)
	}
}

func TestCommandsAreAnswered(t *testing.T) {
	_, address := start(t, Options{})
	p := dial(t, address)
	for _, test := range []struct {
		event string
		arg   any
		want  string
	}{
		{"session:subscribe", nil, "takes the id of a session"},
		{"session:unsubscribe", 5, "takes the id of a session"},
		{"traffic:subscribe", "all", "takes an object"},
		{"traffic:subscribe", map[string]any{"sessionId": 1}, "sessionId is no text"},
		{"traffic:subscribe", map[string]any{"filter": "host:"}, "the value is missing"},
		{"traffic:subscribe", map[string]any{"filter": 1}, "a filter expression"},
		{"traffic:subscribe", map[string]any{"since": -1}, "since is no whole number"},
		{"breakpoint:resume", map[string]any{"id": "hit-1"}, "not available"},
		{"proxy:start", nil, "not available"},
		{"proxy:stop", nil, "not available"},
	} {
		p.refused(test.event, test.arg, test.want)
	}
	for i := range maxSubscriptions {
		p.call("session:subscribe", string(rune('a'+i)))
	}
	p.refused("session:subscribe", "one more", "more than 64 subscriptions")
}

func TestSessionEvents(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address)
	other := s.CreateSession("")
	checkMembers(t, p.expect("session:created"), map[string]any{
		"id": other.ID, "name": "Session " + other.ID, "isActive": false, "isRecording": true,
		"trafficCount": 0.0, "totalBytes": 0.0,
	})
	if _, err := s.RenameSession(other.ID, "checkout"); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, p.expect("session:updated"), map[string]any{"name": "checkout"})
	if _, err := s.ActivateSession(other.ID); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, p.expect("session:updated"), map[string]any{"id": testSession, "isActive": false})
	checkMembers(t, p.expect("session:updated"), map[string]any{"id": other.ID, "isActive": true})
	if err := s.DeleteSession(testSession); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"traffic:clear", "session:deleted"} {
		if got := p.expect(name); got != testSession {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := s.Sessions(); len(got) != 1 || got[0].Name != "checkout" || !got[0].Active {
		t.Errorf("sessions: %+v", got)
	}
}

func TestSessionsCountTheirTraffic(t *testing.T) {
	s, _ := start(t, Options{})
	observe(s, 1, "http://a.test/", "12345")
	observe(s, 2, "http://a.test/", "678")
	got, err := s.Session(testSession)
	if err != nil || got.Exchanges != 2 || got.Bytes != 8 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := s.ClearSession(testSession); err != nil {
		t.Fatal(err)
	}
	if got, _ = s.Session(testSession); got.Exchanges != 0 || got.Bytes != 0 {
		t.Errorf("after clearing: %+v", got)
	}
}

func TestClearedTrafficIsNoBacklog(t *testing.T) {
	s, address := start(t, Options{})
	observe(s, 1, "http://a.test/old", "")
	mark(s)
	before := subscribed(t, address, map[string]any{"since": 0}) // encodes what is to be forgotten
	before.until(marked)
	if err := s.ClearSession(testSession); err != nil {
		t.Fatal(err)
	}
	observe(s, 2, "http://a.test/new", "")
	p := subscribed(t, address, map[string]any{"since": 0})
	if diff := cmp.Diff([]string{marked, "traffic:clear", "traffic:batch"}, p.until("traffic:batch")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSessionErrors(t *testing.T) {
	s, _ := start(t, Options{})
	if err := s.DeleteSession(testSession); err == nil {
		t.Error("the active session was deleted")
	}
	for name, err := range map[string]error{
		"delete":   s.DeleteSession("x"),
		"clear":    s.ClearSession("x"),
		"rename":   second(s.RenameSession("x", "y")),
		"activate": second(s.ActivateSession("x")),
		"get":      second(s.Session("x")),
	} {
		if err == nil {
			t.Errorf("%s: an unknown session was found", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRuleEvents(t *testing.T) {
	const file = `version: 1
rules:
  - name: users are mocked
    match: {method: GET, url: "*/api/users*"}
    mock: {status: 200, json: {users: []}}
  - name: patched
    modify: {response: {status: 503}}
`
	set, err := rules.Parse("rules.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	store := rules.NewStore(set)
	s, address := start(t, Options{Rules: store})
	p := dial(t, address)
	if err := s.EnableRule("users are mocked", false); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, p.expect("rule:toggled"), map[string]any{
		"id": "users are mocked", "name": "users are mocked", "enabled": false, "priority": 0.0, "action": "mock",
		"match": map[string]any{"method": "GET", "url": "*/api/users*"},
	})
	if err := s.ReorderRules([]string{"patched"}); err != nil {
		t.Fatal(err)
	}
	order := p.expect("rules:reordered").([]any)
	if len(order) != 2 {
		t.Fatalf("got %v", order)
	}
	checkMembers(t, order[0], map[string]any{"name": "patched", "priority": 0.0, "action": "modify-response"})
	s.RulesChanged(store.Replace(nil))
	if got := p.expect("rule:deleted"); got != "users are mocked" && got != "patched" {
		t.Errorf("got %v", got)
	}
	p.expect("rule:deleted")
	s.RulesChanged(store.Replace(set))
	p.expect("rule:created")
	p.expect("rule:created")
	if s.EnableRule("unknown", true) == nil || s.ReorderRules([]string{"unknown"}) == nil {
		t.Error("an unknown rule was found")
	}
}

func TestProxyEvents(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address)
	s.ProxyStarted(8888, 8889)
	want := map[string]any{"port": 8888.0, "uiPort": 8889.0, "autoOpenBrowser": false, "recording": true}
	if diff := cmp.Diff(any(want), p.expect("proxy:started")); diff != "" {
		t.Errorf("proxy:started (-want +got):\n%s", diff)
	}
	s.ProxyStopped()
	if g := p.next(); g.name != "proxy:stopped" || len(g.args) != 0 {
		t.Errorf("got %+v", g)
	}
	s.Observe(traffic.TLSFailed{Client: "127.0.0.1:1", Text: "no trust"})
	if got := p.expect("proxy:error"); got != "TLS handshake with 127.0.0.1:1 failed: no trust" {
		t.Errorf("got %v", got)
	}
	s.Observe(traffic.ClientError{Client: "127.0.0.1:1", Failure: &traffic.Failure{Text: "bad line"}})
	if got := p.expect("proxy:error"); got != "request of 127.0.0.1:1 refused: bad line" {
		t.Errorf("got %v", got)
	}
	s.Observe(traffic.CertIssued{Name: "api.example.com"})
	if got := p.expect("certificate:installed"); got != "api.example.com" {
		t.Errorf("got %v", got)
	}
}
