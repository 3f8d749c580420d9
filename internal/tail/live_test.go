package tail

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/eventclient"
)

// untilTheClientLeaves stands for waiting.
const untilTheClientLeaves = ""

// startEvents serves one client after another what an event server would, then
// closes the connection. It returns the address.
func startEvents(t *testing.T, messages ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		say := func(text string) {
			kind := websocket.TextMessage
			if data, ok := strings.CutPrefix(text, "binary "); ok {
				kind, text = websocket.BinaryMessage, data
			}
			if err := c.WriteMessage(kind, []byte(text)); err != nil {
				t.Error(err)
			}
		}
		say(`0{"sid":"a","pingInterval":20000,"pingTimeout":30000}`)
		for _, answer := range []string{`40{"sid":"b"}`, `431[{"ok":true,"result":{"seq":1,"sessionId":"01KAHQ2V7M6Q9Z4B8N3T5R1XCD"}}]`} {
			if _, _, err := c.ReadMessage(); err != nil {
				t.Error(err)
				return
			}
			say(answer)
		}
		for _, m := range messages {
			if m == untilTheClientLeaves {
				_, _, _ = c.ReadMessage()
				return
			}
			say(m)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// lived returns what a live stream looks like in UTC, and why it ended.
func lived(t *testing.T, o Options, address string) (string, error) {
	t.Helper()
	o.Location = time.UTC
	var out bytes.Buffer
	err := Run(t.Context(), &out, []Source{NewLive(address, "")}, o)
	return out.String(), err
}

var liveEvents = []string{
	`42["traffic:batch",[{"id":"S-7","timestamp":1790000000000,"method":"GET","url":"https://a.test/x?b=1","httpVersion":"HTTP/1.1","conn":2,"remoteAddress":"127.0.0.1","tlsVersion":"TLSv1.3","requestHeaders":{"host":"a.test","x":["1","2"]},"requestBody":null}]]`,
	`451-["traffic:update",{"id":"S-7","status":200,"statusText":"OK","responseHeaders":{"content-type":"text/plain"},"responseBody":{"_placeholder":true,"num":0},"responseBodySize":5,"duration":12.5,"isComplete":true,"error":null,"rules":["slow"]}]`,
	"binary hello",
	`42["traffic:update",{"id":"S-1","isComplete":true}]`,
	`42["traffic:batch",[{"id":"S-8","timestamp":1790000000100,"method":"GET","url":"ws://b.test/chat","httpVersion":"HTTP/1.1","requestHeaders":{}}]]`,
	`42["traffic:update",{"id":"S-8","status":101,"statusText":"Switching Protocols","responseHeaders":{},"isComplete":false}]`,
	`42["websocket:open",{"trafficId":"S-8","id":"S-8-ws","url":"ws://b.test/chat","timestamp":1790000000110}]`,
	`42["websocket:frame",{"id":"S-8-1","trafficId":"S-8","timestamp":1790000000120,"direction":"server-to-client","opcode":1,"data":"aGk=","isBinary":false,"length":2,"seq":1,"fin":true}]`,
	`42["websocket:close",{"trafficId":"S-8","id":"S-8-ws","code":1000,"reason":"bye","timestamp":1790000001000,"frameCount":1,"frames":[0,1],"by":"client"}]`,
	`42["traffic:update",{"id":"S-8","isComplete":true}]`,
	`42["traffic:batch",[{"id":"S-9","timestamp":1790000002000,"method":"GET","url":"http://c.test/","requestHeaders":{}}]]`,
	`42["traffic:update",{"id":"S-9","status":502,"duration":3,"isComplete":true,"error":"no such host","failure":{"kind":"dns","side":"upstream"}}]`,
	`42["rule:deleted","slow"]`,
	`42["proxy:stopped"]`,
}

func TestLiveStreamLooksLikeARecording(t *testing.T) {
	out, err := lived(t, Options{Body: true}, startEvents(t, liveEvents...))
	if !errors.Is(err, eventclient.ErrEnded) {
		t.Errorf("ended with %v", err)
	}
	var recording bytes.Buffer
	asJSON, _ := lived(t, Options{JSON: true}, startEvents(t, liveEvents...))
	recording.WriteString(asJSON)
	if diff := cmp.Diff(printed(t, recording.String(), Options{Body: true}), out); diff != "" {
		t.Errorf("as a recording and live (-want +got):\n%s", diff)
	}
	for _, want := range []string{"GET", "200", "https://a.test/x?b=1", "hello", "rule slow", "<--  hi", "bye", "dns, upstream: no such host"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestLiveStreamThatIsTooFast(t *testing.T) {
	var warnings []string
	o := Options{Warn: func(text string) { warnings = append(warnings, text) }}
	_, _ = lived(t, o, startEvents(t, `42["lagged",{"dropped":17}]`))
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "17 events were missed") {
		t.Errorf("got %q", warnings)
	}
}

func TestLiveStreamThatIsNone(t *testing.T) {
	tests := []struct{ name, message string }{
		{"no JSON", `42["traffic:batch",x]`},
		{"other arguments", `42["traffic:batch","x"]`},
		{"no packet", "4x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if out, err := lived(t, Options{}, startEvents(t, test.message)); err == nil || out != "" {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		if _, err := lived(t, Options{}, "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:1: connect") {
			t.Errorf("got %v", err)
		}
	})
}

func TestLiveStreamEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	address := startEvents(t, liveEvents[0], untilTheClientLeaves)
	if err := Run(ctx, new(bytes.Buffer), []Source{NewLive(address, "")}, Options{}); err != nil {
		t.Errorf("got %v", err)
	}
}
