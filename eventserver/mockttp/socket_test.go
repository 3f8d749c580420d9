package mockttp

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// openSocket tells of a WebSocket connection that was opened.
func openSocket(m *Mapper, server string) *traffic.Exchange {
	x := newExchange(1, "GET", "http://a.test/ws")
	x.Request.Header.Add("Upgrade", "websocket")
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestDone = 0
	m.Observe(traffic.RequestDone{Exchange: x})
	x.Server = server
	answer(x, 101)
	m.Observe(traffic.ResponseStarted{Exchange: x})
	x.WS, x.Duration = &traffic.WebSocket{}, 6*time.Millisecond
	m.Observe(traffic.WSOpened{Exchange: x})
	return x
}

func TestMessagesAreJoinedFromFrames(t *testing.T) {
	const up, down = traffic.ClientToServer, traffic.ServerToClient
	frame := func(dir traffic.Direction, op traffic.Opcode, fin bool, payload string) traffic.Frame {
		return traffic.Frame{Dir: dir, Opcode: op, Fin: fin, Payload: []byte(payload), Size: int64(len(payload))}
	}
	edited := frame(up, traffic.OpText, true, "edited")
	edited.Edited, edited.Original = true, []byte("original")
	injected := frame(up, traffic.OpText, true, "by necto")
	injected.Injected = true
	toClient := frame(down, traffic.OpText, true, "by necto")
	toClient.Injected = true
	dropped := frame(down, traffic.OpText, true, "never came")
	dropped.Dropped = true
	droppedUp := frame(up, traffic.OpText, true, "never left")
	droppedUp.Dropped = true
	for name, test := range map[string]struct {
		frames []traffic.Frame
		want   []string
	}{
		"both ways": {
			[]traffic.Frame{frame(up, traffic.OpText, true, "a"), frame(down, traffic.OpBinary, true, "b")},
			[]string{"received a text", "sent b binary"},
		},
		"fragments, with a ping and the other direction between": {
			[]traffic.Frame{
				frame(up, traffic.OpBinary, false, "a"), frame(up, traffic.OpPing, true, "ping"), frame(down, traffic.OpText, true, "x"),
				frame(up, traffic.OpContinuation, false, "b"), frame(up, traffic.OpContinuation, true, "c"),
			},
			[]string{"sent x text", "received abc binary"},
		},
		"empty":                          {[]traffic.Frame{frame(down, traffic.OpText, true, "")}, []string{"sent  text"}},
		"edited":                         {[]traffic.Frame{edited}, []string{"received original text"}},
		"made by necto":                  {[]traffic.Frame{injected, toClient}, []string{"sent by necto text"}},
		"dropped":                        {[]traffic.Frame{dropped, droppedUp}, []string{"received never left text"}},
		"the rest of one that had begun": {[]traffic.Frame{frame(up, traffic.OpContinuation, true, "rest")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m, c := newMapper(t)
			x := openSocket(m, "")
			c.take()
			for _, f := range test.frames {
				f.Exchange, f.Last = x, began
				m.Observe(traffic.FrameSeen{Frame: &f})
			}
			var got []string
			for _, e := range c.take() {
				p := decodePayload(t, e)
				kind := " text"
				if p["isBinary"] == true {
					kind = " binary"
				}
				got = append(got, p["direction"].(string)+" "+p["content"].(string)+kind)
				if f := e.Subject().Message; string(f.Payload) != p["content"] || !f.Fin {
					t.Errorf("filters look at %+v", f)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	m, c := newMapper(t)
	x := openSocket(m, "")
	c.take()
	half := bytes.Repeat([]byte("x"), maxContent/2+1)
	for i := range 2 {
		op := []traffic.Opcode{traffic.OpText, traffic.OpContinuation}[i]
		m.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: x, Opcode: op, Fin: i == 1, Payload: half, Size: int64(len(half)), Last: began}})
	}
	p := c.payload(WebSocketMessageReceived)
	if n := len(p["content"].(string)); n != maxContent || p["isTruncated"] != true {
		t.Errorf("%d bytes, truncated %v", n, p["isTruncated"])
	}
}

func TestWhatIsMissingFromAMessageIsNotSkipped(t *testing.T) {
	m, c := newMapper(t)
	x := openSocket(m, "")
	c.take()
	m.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: x, Opcode: traffic.OpText, Payload: []byte("abc"), Size: 9, Truncated: true, Last: began}})
	m.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: x, Fin: true, Payload: []byte("end"), Size: 3, Last: began}})
	p := c.payload(WebSocketMessageReceived)
	if p["content"] != "abc" || p["isTruncated"] != true {
		t.Errorf("content %q, truncated %v", p["content"], p["isTruncated"])
	}
}

func TestSocketsThatWereOpenBefore(t *testing.T) {
	m, c := newMapper(t)
	m.Want(0)
	x := openSocket(m, "")
	m.Want(All)
	m.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: x, Opcode: traffic.OpText, Fin: true, Payload: []byte("a"), Size: 1, Last: began}})
	timing := c.payload(WebSocketMessageReceived)["timingEvents"].(map[string]any)
	if timing["wsAcceptedTimestamp"] != 1.79e12+6 {
		t.Errorf("timing %v", timing)
	}
	if s := c.events[0].Subject(); s.Pending || s.Exchange != x {
		t.Errorf("subject %+v", s)
	}
}

func TestEndsOfSockets(t *testing.T) {
	for name, test := range map[string]struct {
		end  traffic.WSClose
		want map[string]any
	}{
		"code":    {traffic.WSClose{Code: 4002, Reason: "why", By: traffic.SideUpstream}, map[string]any{"closeCode": 4002.0, "closeReason": "why", "closedBy": "upstream"}},
		"no code": {traffic.WSClose{Code: 1005, By: traffic.SideClient}, map[string]any{"closeReason": "", "closedBy": "client"}},
		"client":  {traffic.WSClose{Code: 1006, By: traffic.SideClient, Cause: "reset"}, map[string]any{}},
		"origin":  {traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "timeout"}, map[string]any{"error": "ETIMEDOUT"}},
		"necto":   {traffic.WSClose{Code: 1006, By: traffic.SideNecto, Cause: "shutdown"}, map[string]any{"error": "E_SHUTDOWN"}},
	} {
		m, c := newMapper(t)
		x := openSocket(m, "127.0.0.1:80")
		names := c.names()
		if diff := cmp.Diff([]string{"request-body-data", "websocket-request", "rule-event", "websocket-accepted"}, names); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", name, diff)
		}
		test.end.Duration = 20 * time.Millisecond
		m.Observe(traffic.WSClosed{Exchange: x, Close: &test.end})
		kind, timestamp := WebSocketClose, "wsClosedTimestamp"
		if test.end.Code == 1006 {
			kind, timestamp = Abort, "abortedTimestamp"
		}
		p := c.payload(kind)
		got := map[string]any{}
		for _, member := range []string{"closeCode", "closeReason", "closedBy"} {
			if v, ok := p[member]; ok {
				got[member] = v
			}
		}
		if err, ok := p["error"].(map[string]any); ok {
			got["error"] = err["code"]
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if at := p["timingEvents"].(map[string]any)[timestamp]; at != 1.79e12+20 {
			t.Errorf("%s: %s is %v", name, timestamp, at)
		}
		if len(m.exchanges) != 0 {
			t.Errorf("%s: something is remembered", name)
		}
	}
}
