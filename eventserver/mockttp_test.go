package eventserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// upTo returns the names of the next events up to the one of that name, with the
// arguments of that.
func (p *peer) upTo(name string) ([]string, map[string]any) {
	p.t.Helper()
	var names []string
	for {
		g := p.next()
		names = append(names, g.name)
		if g.name == name {
			return names, g.args[0].(map[string]any)
		}
	}
}

func TestMockttpHasTheIDsOfEntries(t *testing.T) {
	s, address := start(t, Options{})
	p := enter(t, address, mockttpNamespace)
	p.call("subscribe", nil)
	observe(s, 7, "http://a.test/", "content")
	names, response := p.upTo("response")
	want := []string{"request-initiated", "response-body-data", "response"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	checkMembers(t, response, map[string]any{"id": entryID(7), "statusCode": 200.0})
	checkMembers(t, response["body"], map[string]any{"buffer": "binary content", "size": 7.0})
}

func TestMockttpIsAskedForPiecesOnlyWhileTheyAreWanted(t *testing.T) {
	s, address := start(t, Options{})
	wants := func(chunks, data bool) {
		t.Helper()
		if s.WantsBodyChunks() != chunks || s.WantsTunnelData() != data {
			t.Errorf("wanted: chunks %v, data %v", s.WantsBodyChunks(), s.WantsTunnelData())
		}
	}
	wants(false, false)
	p := enter(t, address, mockttpNamespace)
	p.call("subscribe", nil)
	wants(true, true)
	p.call("subscribe", map[string]any{"events": []string{"response", "response-body-data"}})
	wants(true, false)
	p.call("subscribe", map[string]any{"events": []string{"raw-passthrough-data"}})
	wants(false, true)
	p.refused("subscribe", map[string]any{"events": []string{"requests"}}, `there is no event "requests"`)
	wants(false, true)
	_ = p.Close()
	eventually(t, "the client is gone", func() bool { return !s.WantsTunnelData() })
	wants(false, false)
}

func TestMockttpForThoseWhoComeLate(t *testing.T) {
	s, address := start(t, Options{Early: true})
	observe(s, 1, "http://a.test/", "before")
	p := enter(t, address, mockttpNamespace)
	p.call("subscribe", map[string]any{"since": 1, "events": []string{"response"}})
	checkMembers(t, p.expect("response"), map[string]any{"id": entryID(1)})
	_ = p.Close()
	observe(s, 2, "http://a.test/", "between")
	late := enter(t, address, mockttpNamespace)
	late.call("subscribe", map[string]any{"since": 1, "events": []string{"response"}})
	checkMembers(t, late.expect("response"), map[string]any{"id": entryID(1)})
	checkMembers(t, late.expect("response"), map[string]any{"id": entryID(2)})
}

func TestMockttpFilters(t *testing.T) {
	s, address := start(t, Options{})
	p := enter(t, address, mockttpNamespace)
	p.call("subscribe", map[string]any{"filter": `body~"needle"`, "events": []string{"response", "request-initiated"}})
	observe(s, 1, "http://a.test/", "hay")
	observe(s, 2, "http://a.test/", "a needle in it")
	checkMembers(t, p.expect("response"), map[string]any{"id": entryID(2)})

	p.call("subscribe", map[string]any{"filter": "ws", "events": []string{"request-initiated", "websocket-message-received"}})
	observe(s, 3, "http://a.test/", "")
	observeSocket(s, 4, "ws://a.test/")
	checkMembers(t, p.expect("websocket-message-received"), map[string]any{"streamId": entryID(4)})

	p.call("subscribe", map[string]any{"filter": "host:tunnel.test"})
	s.Observe(traffic.TLSFailed{SNI: "other.test", Time: testTime, Failure: "reset"})
	s.Observe(traffic.TunnelOpened{Tunnel: &traffic.Tunnel{Target: "tunnel.test:1", Started: testTime}})
	p.expect("raw-passthrough-opened")
}

// mockttpPrograms has what is to be run with the programs of programs.
var mockttpPrograms = map[string]string{"Node.js": "mockttp.mjs", "Python": "mockttp.py"}

func TestClientsOfMockttp(t *testing.T) {
	for _, p := range programs(t) {
		for transports := range p.modes {
			t.Run(p.name+" "+transports, func(t *testing.T) {
				if raceEnabled && strings.Contains(transports, "polling") {
					t.Skip("the library's polling has a race of its own: make test runs this without the detector")
				}
				s, address := start(t, Options{})
				out := run(t, p.command[0], clientFile(mockttpPrograms[p.name]), address, transports)
				want := []any{"ready", true, `there is no event "nothing"`}
				if diff := cmp.Diff(want, out.wait(t, "ready")); diff != "" {
					t.Errorf("ready (-want +got):\n%s", diff)
				}
				observe(s, 1, "http://other.test/", "content")
				observe(s, 2, "http://wanted.test/", "")
				response, _ := out.wait(t, "response")[1].(map[string]any)
				checkMembers(t, response, map[string]any{"id": entryID(2)})
				checkMembers(t, response["body"], map[string]any{"buffer": ""})
				s.Close(t.Context())
				out.wait(t, "disconnect")
				<-out.done
			})
		}
	}
}

// BenchmarkMockttpWithoutClients is what the namespace costs an exchange while
// nobody is connected to it.
func BenchmarkMockttpWithoutClients(b *testing.B) {
	s, _ := start(b, Options{})
	x := newExchange(1, "http://a.test/")
	events := []traffic.Event{
		traffic.RequestStarted{Exchange: x}, traffic.RequestDone{Exchange: x}, traffic.ResponseStarted{Exchange: x}, traffic.ExchangeDone{Exchange: x},
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range events {
			for _, n := range s.namespaces {
				n.observe(e)
			}
		}
	}
}
