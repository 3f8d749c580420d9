package channel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/eventserver/channel"
	"github.com/necto-dev/necto/internal/ports"
)

const token = "0123456789abcdef0123456789abcdef"

// start serves a channel, and returns it with its ws URL without path.
func start(t testing.TB) (*channel.Channel, string) {
	t.Helper()
	relays := func(port int) bool { return port == 8890 }
	c := channel.New(channel.Options{Token: token, Relays: relays})
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		c.Close()
		server.Close()
	})
	return c, "ws" + strings.TrimPrefix(server.URL, "http")
}

// dial connects a client, and closes it when the test ends.
func dial(t testing.TB, url string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// read returns the next n messages.
func read(t testing.TB, conn *websocket.Conn, n int) []string {
	t.Helper()
	var texts []string
	for range n {
		kind, text, err := conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage {
			t.Fatalf("after %q: kind %d, %v", texts, kind, err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// await publishes a log, which a client gets.
func await(t testing.TB, c *channel.Channel, conn *websocket.Conn) {
	t.Helper()
	c.Publish(ports.Event{Type: ports.Log, Payload: "there?"})
	read(t, conn, 1)
}

// TestMessages sends every event as 9Proxy does.
func TestMessages(t *testing.T) {
	c, url := start(t)
	conn := dial(t, url+"/ws/"+token)
	await(t, c, conn)
	for event, want := range map[ports.Event]string{
		{Type: ports.RestoreDone}:                                      `{"type":"restoreDone"}`,
		{Type: ports.SettingPortChange, Payload: "60000:20"}:           `{"type":"settingPortChange","payload":"60000:20"}`,
		{Type: ports.ForwardListCompleted, Payload: "id"}:              `{"type":"forwardListCompleted","payload":"id"}`,
		{Type: ports.ProxyError, Payload: "id:code@no port available"}: `{"type":"proxyError","payload":"id:code@no port available"}`,
		{Type: ports.PortStateUpdate, Payload: "60000"}:                `{"type":"portStateUpdate","payload":"60000"}`,
		{Type: ports.PortRemoved, Payload: "60000"}:                    `{"type":"portRemoved","payload":"60000"}`,
		{Type: ports.Log, Payload: "a \"quoted\"\nline"}:               `{"type":"log","payload":"a \"quoted\"\nline"}`,
		{Type: ports.HTTPError, Payload: "HTTP Start error"}:           `{"type":"httpError","payload":"HTTP Start error"}`,
	} {
		c.Publish(event)
		if diff := cmp.Diff([]string{want}, read(t, conn, 1)); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	}
}

// TestWhoMayConnect refuses others before the upgrade.
func TestWhoMayConnect(t *testing.T) {
	_, url := start(t)
	for name, c := range map[string]struct {
		path, origin string
		status       int
	}{
		"program":             {"/ws/" + token, "", 101},
		"page of the machine": {"/ws/" + token, "http://localhost:3000", 101},
		"page by address":     {"/ws/" + token, "http://127.0.0.1:3000", 101},
		"other page":          {"/ws/" + token, "https://evil.example", 403},
		"page without origin": {"/ws/" + token, "null", 403},
		"page of a port":      {"/ws/" + token, "http://localhost:8890", 403},
		"origin that is none": {"/ws/" + token, "http://[", 403},
		"wrong token":         {"/ws/" + strings.Repeat("0", 32), "", 401},
		"a part of it":        {"/ws/" + token[:31], "", 401},
		"no token":            {"/ws/", "", 401},
		"more than it":        {"/ws/" + token + "/x", "", 401},
		"another path":        {"/", "", 404},
		"no slash":            {"/ws", "", 404},
		"unknown mode":        {"/ws/" + token + "?mode=all", "", 400},
		"since no number":     {"/ws/" + token + "?since=now", "", 400},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url+c.path, header)
		if resp == nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", name, resp.Status, c.status)
		}
		if conn != nil {
			conn.Close()
		}
	}
	for _, path := range []string{"/ws/" + token, "/ws/wrong"} {
		resp, err := http.Get("http" + strings.TrimPrefix(url, "ws") + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := map[bool]int{true: 400, false: 401}[path != "/ws/wrong"]; resp.StatusCode != want {
			t.Errorf("%s by HTTP: %s", path, resp.Status)
		}
	}
	nobody := httptest.NewServer(channel.New(channel.Options{}))
	defer nobody.Close()
	if _, resp, _ := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(nobody.URL, "http")+"/ws/", nil); resp.StatusCode != 401 {
		t.Errorf("without a token of its own: %s", resp.Status)
	}
}

// TestNewestWins closes the client before, behind what it is still to get.
func TestNewestWins(t *testing.T) {
	c, url := start(t)
	first := dial(t, url+"/ws/"+token)
	await(t, c, first)
	c.Publish(ports.Event{Type: ports.PortRemoved, Payload: "1"})
	second := dial(t, url+"/ws/"+token)
	await(t, c, second)
	read(t, first, 1)
	_, _, err := first.ReadMessage()
	for err == nil { // it has heard of what came before the second had begun
		_, _, err = first.ReadMessage()
	}
	if closed, is := errors.AsType[*websocket.CloseError](err); !is || closed.Code != 4000 || closed.Text != "superseded" {
		t.Errorf("the first ends with %v", err)
	}
	c.Publish(ports.Event{Type: ports.PortRemoved, Payload: "2"})
	if diff := cmp.Diff([]string{`{"type":"portRemoved","payload":"2"}`}, read(t, second, 1)); diff != "" {
		t.Errorf("the second gets (-want +got):\n%s", diff)
	}
}

// TestBroadcast leaves others alone, and is left alone.
func TestBroadcast(t *testing.T) {
	c, url := start(t)
	var conns []*websocket.Conn
	for _, query := range []string{"?mode=broadcast", "", "?mode=broadcast"} {
		conns = append(conns, dial(t, url+"/ws/"+token+query))
		await(t, c, conns[len(conns)-1])
	}
	c.Publish(ports.Event{Type: ports.PortRemoved, Payload: "last"})
	for i, conn := range conns {
		got := read(t, conn, len(conns)-i) // the logs of those that came later, and the last
		if last := got[len(got)-1]; !strings.Contains(last, "last") {
			t.Errorf("client %d got %q", i, got)
		}
	}
}

// TestSince begins with what was before, with numbers and times.
func TestSince(t *testing.T) {
	c, url := start(t)
	before := time.Now().UnixMilli()
	for i := range 1700 {
		c.Publish(ports.Event{Type: ports.PortRemoved, Payload: fmt.Sprint(i + 1)})
	}
	for since, want := range map[string][2]uint64{"0": {1001, 1700}, "1699": {1699, 1700}, "1701": {1701, 1701}} {
		conn := dial(t, url+"/ws/"+token+"?mode=broadcast&since="+since)
		if want[0] == 1701 {
			c.Publish(ports.Event{Type: ports.PortRemoved, Payload: "1701"})
		}
		for seq := want[0]; seq <= want[1]; seq++ {
			var got struct {
				Seq           uint64
				TS            int64
				Type, Payload string
			}
			if err := json.Unmarshal([]byte(read(t, conn, 1)[0]), &got); err != nil {
				t.Fatal(err)
			}
			if got.Seq != seq || got.Payload != fmt.Sprint(seq) || got.Type != "portRemoved" || got.TS < before || got.TS > time.Now().UnixMilli() {
				t.Fatalf("since %s: got %+v, want number %d", since, got, seq)
			}
		}
	}
}

// TestHTTPErrorWaits is told once, to who comes first.
func TestHTTPErrorWaits(t *testing.T) {
	c, url := start(t)
	c.Publish(ports.Event{Type: ports.PortRemoved, Payload: "1"})
	c.Publish(ports.Event{Type: ports.HTTPError, Payload: "HTTP Start error"})
	first := dial(t, url+"/ws/"+token)
	if got := read(t, first, 1)[0]; got != `{"type":"httpError","payload":"HTTP Start error"}` {
		t.Errorf("the first client is told %s", got)
	}
	second := dial(t, url+"/ws/"+token)
	c.Publish(ports.Event{Type: ports.RestoreDone})
	if got := read(t, second, 1)[0]; got != `{"type":"restoreDone"}` {
		t.Errorf("the second client is told %s", got)
	}
}

// TestWhatClientsSay is read and ignored, as far as it is no attack.
func TestWhatClientsSay(t *testing.T) {
	c, url := start(t)
	conn := dial(t, url+"/ws/"+token)
	await(t, c, conn)
	for _, said := range []string{"{}", "not JSON", strings.Repeat("x", 64<<10)} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(said)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, c, conn)
	if err := conn.WriteMessage(websocket.BinaryMessage, make([]byte, 64<<10+1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("too much: %v", err)
	}
}

// TestSlowClient is ended when it takes nothing, and others are not kept waiting.
func TestSlowClient(t *testing.T) {
	c, url := start(t)
	dial(t, url+"/ws/"+token+"?mode=broadcast") // which reads nothing
	quick := dial(t, url+"/ws/"+token)
	await(t, c, quick)
	long := strings.Repeat("x", 16<<10)
	began := time.Now()
	for range 3000 {
		c.Publish(ports.Event{Type: ports.Log, Payload: long})
		read(t, quick, 1)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("3000 events took %v", took)
	}
}

// TestClose tells clients that it is over, and takes no new ones.
func TestClose(t *testing.T) {
	c, url := start(t)
	conn := dial(t, url+"/ws/"+token)
	await(t, c, conn)
	c.Publish(ports.Event{Type: ports.RestoreDone})
	go c.Close()
	read(t, conn, 1)
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("ended with %v", err)
	}
	c.Close()
	late, _, err := websocket.DefaultDialer.DialContext(t.Context(), url+"/ws/"+token, nil)
	if err == nil {
		_, _, err = late.ReadMessage()
		late.Close()
	}
	if err == nil {
		t.Error("a client was let in")
	}
}

// TestTokensDiffer makes two.
func TestTokensDiffer(t *testing.T) {
	a, b := channel.NewToken(), channel.NewToken()
	if a == b || len(a) != 32 {
		t.Errorf("%q and %q", a, b)
	}
}

// FuzzClient lets a client say anything.
func FuzzClient(f *testing.F) {
	f.Add([]byte("\x81\x85\x00\x00\x00\x00hello"))
	f.Add([]byte("\x88\x82\x00\x00\x00\x00\x03\xe8"))
	c, url := start(f)
	f.Fuzz(func(t *testing.T, said []byte) {
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url+"/ws/"+token+"?mode=broadcast", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.NetConn().Write(said); err != nil {
			t.Skip(err) // it was ended already
		}
		c.Publish(ports.Event{Type: ports.Log, Payload: "x"})
		_ = conn.NetConn().SetReadDeadline(time.Now().Add(time.Millisecond))
		_, _ = io.Copy(io.Discard, conn.NetConn())
	})
}

// BenchmarkPublish tells one client.
func BenchmarkPublish(b *testing.B) {
	c, url := start(b)
	conn := dial(b, url+"/ws/"+token)
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		b.Fatal(err)
	}
	await(b, c, conn)
	b.ReportAllocs()
	for b.Loop() {
		c.Publish(ports.Event{Type: ports.PortStateUpdate, Payload: "60000"})
		read(b, conn, 1)
	}
}
