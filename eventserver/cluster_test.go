package eventserver

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestTrafficOfAnotherNode(t *testing.T) {
	const other, node = "01KAHQ2V7M6Q9Z4B8N3T5R1XCE", 3
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	picky := subscribed(t, address, map[string]any{"sessionId": other})
	s.AddNode(node, other, "the other")
	checkMembers(t, p.expect("session:created"), map[string]any{"id": other, "name": "the other", "isActive": false})
	picky.expect("session:created")
	observe(s, 1, "http://here.example/", "here")
	observe(s, node<<traffic.NodeShift|1, "http://there.example/", "there")
	batch := p.batch()
	if diff := cmp.Diff([]any{testSession + "-1", other + "-1"}, []any{batch[0]["id"], batch[1]["id"]}); diff != "" {
		t.Error(diff)
	}
	if only := picky.batch(); len(only) != 1 || only[0]["id"] != other+"-1" {
		t.Errorf("a session's batch has %v", only)
	}
	a := newAPI(t, address)
	checkMembers(t, a.call(http.StatusOK, "GET", "/api/traffic/"+other+"-1", ""), map[string]any{"url": "http://there.example/"})
	checkMembers(t, a.call(http.StatusOK, "GET", "/api/traffic/"+testSession+"-1", ""), map[string]any{"url": "http://here.example/"})
	a.call(http.StatusNotFound, "GET", "/api/traffic/"+other+"-1099511627776", "")
	if list := ids(a.call(http.StatusOK, "GET", "/api/traffic?sessionId="+other, "")["entries"]); !cmp.Equal(list, []string{other + "-1"}) {
		t.Errorf("the traffic of the session is %q", list)
	}
	s.AddNode(node, other, "the other") // it was away
	observe(s, node<<traffic.NodeShift|2, "http://there.example/2", "there")
	p.expect("traffic:update") // both have ended
	p.expect("traffic:update")
	if again := p.batch(); len(again) != 1 || again[0]["id"] != other+"-2" {
		t.Errorf("after it was away: %v", again)
	}
}

func TestANodeThatIsNotExpectedBack(t *testing.T) {
	const other, node = "01KAHQ2V7M6Q9Z4B8N3T5R1XCE", 3
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	s.AddNode(node, other, "the other")
	p.expect("session:created")
	observe(s, node<<traffic.NodeShift|1, "http://there.example/", "there")
	p.batch()
	p.expect("traffic:update")
	s.RemoveNode(other)
	p.expect("traffic:clear")
	p.expect("session:deleted")
	if _, err := s.Session(other); !errors.Is(err, ErrUnknownSession) {
		t.Errorf("the session is still there: %v", err)
	}
	a := newAPI(t, address)
	a.call(http.StatusNotFound, "GET", "/api/traffic/"+other+"-1", "")
	s.RemoveNode(other) // its user has deleted it before
	s.RemoveNode(testSession)
	if _, err := s.Session(testSession); err != nil {
		t.Errorf("the active session is gone: %v", err)
	}
	s.AddNode(node, other, "the other") // after all
	p.expect("session:created")
	observe(s, node<<traffic.NodeShift|2, "http://there.example/2", "there")
	if again := p.batch(); len(again) != 1 || again[0]["id"] != other+"-2" {
		t.Errorf("after it came back: %v", again)
	}
}
