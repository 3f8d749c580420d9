package replay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// TestPlayedIsRecordedAgain records random traffic, plays that to a recorder, and
// compares the lines.
func TestPlayedIsRecordedAgain(t *testing.T) {
	for _, redaction := range []string{"auto", "off"} {
		t.Run(redaction, func(t *testing.T) {
			first := filepath.Join(t.TempDir(), "run.jsonl")
			w := createRecording(t, first, redaction)
			observeTraffic(t, w, rand.New(rand.NewPCG(5, 5)))
			closeRecording(t, w)
			again := filepath.Join(t.TempDir(), "again.jsonl")
			w = createRecording(t, again, redaction)
			playTo(t, PlayOptions{}, w, first)
			closeRecording(t, w)
			if diff := cmp.Diff(linesOf(t, first), linesOf(t, again)); diff != "" {
				t.Errorf("lines (-recorded +played and recorded):\n%s", diff)
			}
		})
	}
}

func createRecording(t testing.TB, path, redaction string) *record.Writer {
	t.Helper()
	w, err := record.Create(path, record.Options{Redaction: redaction})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeRecording(t testing.TB, w *record.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// whenWritten matches the members that say when a line was written.
var whenWritten = regexp.MustCompile(`"session":"\w+",|"seq":\d+,|"at":"[^"]*",|"us":-?\d+,?`)

// linesOf returns the lines of a recording without what depends on the run,
// sorted: exchanges end in another order when nobody waits.
func linesOf(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(whenWritten.ReplaceAllString(string(text), ""), "\n")
	slices.Sort(lines)
	return lines
}

// observeTraffic tells an observer of exchanges, WebSocket connections, tunnels
// and failed handshakes, as if they ran at the same time.
func observeTraffic(t testing.TB, to traffic.Observer, r *rand.Rand) {
	began := time.Now()
	for i := range 200 {
		a := randomAsker(t, r)
		x := exchange(t, a.method, strings.Replace(a.url, "N", fmt.Sprint(i), 1), a.header, a.body, i)
		x.ID, x.Conn, x.Started = traffic.ExchangeID(i+1), traffic.ConnID(i+1), began.Add(time.Duration(i)*time.Millisecond)
		x.Timing = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: 100_000, Wait: 400_000, Receive: 500_000}
		x.Tags = []string{"a tag"}
		to.Observe(traffic.RequestStarted{Exchange: x})
		switch i % 10 {
		case 0:
			observeConversation(to, x, r)
		case 1:
			x.Response, x.ResponseBody = nil, nil
			x.Failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideUpstream, Text: "reset"}
			to.Observe(traffic.ExchangeAborted{Exchange: x})
		case 2:
			x.Informational = []*traffic.Response{{Status: 103, Reason: "Early Hints", Proto: "HTTP/1.1"}}
			x.Response.Trailer = fields{{"X-Sum", "1"}}.traffic()
			x.Request.Trailer = fields{{"X-Sum", "2"}}.traffic()
			to.Observe(traffic.ExchangeDone{Exchange: x})
			to.Observe(traffic.TLSFailed{Conn: x.Conn, Client: "127.0.0.1:2", Time: x.Started, SNI: "h", ALPN: []string{"h2"}, JA3: "3", JA4: "4", Target: "h:1", Tags: []string{"t"}, Failure: "closed"})
			to.Observe(traffic.TunnelClosed{Tunnel: &traffic.Tunnel{
				Conn: x.Conn, Client: "127.0.0.1:3", Target: "h:443", Started: x.Started, BytesUp: 3, BytesDown: 5, Duration: time.Second,
				Failure: &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideUpstream, Text: "reset"},
			}})
		case 3: // rules have changed what the origin got and answered
			x.Response.Source, x.Rules = traffic.SourceRule, []string{"a rule"}
			sent, received := *x.Request, *x.Response
			sent.Method, received.Status, received.Source = "PUT", 503, traffic.SourceOrigin
			x.Sent, x.Received = &sent, &received
			x.SentBody, x.ReceivedBody = traffic.BodyOf([]byte("sent")), traffic.BodyOf([]byte("received"))
			to.Observe(traffic.ExchangeDone{Exchange: x})
		default:
			to.Observe(traffic.ExchangeDone{Exchange: x})
		}
	}
}

// observeConversation tells of a WebSocket connection.
func observeConversation(to traffic.Observer, x *traffic.Exchange, r *rand.Rand) {
	x.Response.Status, x.ResponseBody, x.Request.Method = 101, nil, "GET"
	x.WS = &traffic.WebSocket{Subprotocol: "chat", Deflate: [2]traffic.Deflate{traffic.DeflateTakeover, traffic.DeflateNoTakeover}}
	x.Duration = 0
	to.Observe(traffic.WSOpened{Exchange: x})
	end := &traffic.WSClose{Code: 1001, Reason: "bye", By: traffic.SideUpstream, Duration: 99 * time.Millisecond}
	for n := range 20 {
		content := []byte(strings.Repeat(fmt.Sprintf(`{"n":%d,"token":"secret"}`, n), 1+r.IntN(2)*3000))
		f := &traffic.Frame{
			Exchange: x, Seq: uint64(n + 1), First: x.Started, Last: x.Started.Add(time.Duration(n) * time.Millisecond),
			Dir: traffic.Direction(n % 2), Opcode: traffic.OpText, Fin: true, Masked: n%2 == 0,
			Length: int64(len(content)), Size: int64(len(content)), Payload: content,
		}
		if n == 7 {
			f.Edited, f.Rules, f.Original = true, []string{"a rule"}, []byte("what it was")
		}
		end.Frames[f.Dir]++
		to.Observe(traffic.FrameSeen{Frame: f})
	}
	to.Observe(traffic.WSClosed{Exchange: x, Close: end})
}

func TestPlayKeepsThePace(t *testing.T) {
	path := scripted(t, httpText(1, 5_000_000, "40", okMember), httpText(2, 5_060_000, "20", okMember))
	for speed, want := range map[Timing]time.Duration{Recorded: 80 * time.Millisecond, 2: 40 * time.Millisecond, 0.5: 160 * time.Millisecond} {
		began := time.Now()
		played(t, PlayOptions{Speed: speed}, path)
		if took := time.Since(began); took < want || took > want+2*time.Second {
			t.Errorf("%v: took %v, want %v", speed, took, want)
		}
	}
}

func TestPlayLoopsUntilItIsStopped(t *testing.T) {
	path := scripted(t, httpText(1, 0, "1", okMember), scriptLine("ws.open", 2000, `"id":2,"conn":2`, socketMember), frameText(2, 1, 3000, "x"))
	p := openPlayer(t, PlayOptions{Loop: true, Speed: Recorded}, path)
	ctx, stop := context.WithCancel(t.Context())
	var told []string
	c := newContract(t)
	err := p.Play(ctx, observerFunc(func(e traffic.Event) {
		c.Observe(e)
		told = append(told, eventText(e))
		if len(told) == 15 {
			stop() // in the second round
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c.finish()
	round := func(http, ws int) []string {
		return strings.Split(fmt.Sprintf("started %[1]d GET /|request %[1]d 0 bytes|response %[1]d 200|done %[1]d 0 bytes|"+
			"started %[2]d GET /|request %[2]d 0 bytes|response %[2]d 101|opened %[2]d|frame %[2]d.1 x|closed %[2]d 1006 shutdown", http, ws), "|")
	}
	want := append(round(1, 2), round(3, 4)[:5]...)
	want = append(want, "aborted 4 shutdown")
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// follower plays a recording that grows.
type follower struct {
	nectest.Collect
	path string
	done chan error
	stop context.CancelFunc
}

func follow(t *testing.T, path string) *follower {
	t.Helper()
	p := openPlayer(t, PlayOptions{Follow: true}, path)
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{path: path, done: make(chan error, 1), stop: stop}
	go func() { f.done <- p.Play(ctx, &f.Collect) }()
	t.Cleanup(func() {
		stop()
		<-f.done
	})
	return f
}

// write adds text to the recording.
func (f *follower) write(t *testing.T, text string) {
	t.Helper()
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// expect waits for all events so far.
func (f *follower) expect(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	f.Wait(t, func(events []traffic.Event) bool {
		got = nil
		for _, e := range events {
			got = append(got, strings.Fields(eventText(e))[0]+" "+strings.Fields(eventText(e))[1])
		}
		return len(got) >= len(want)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPlayFollows(t *testing.T) {
	meta := strings.Replace(metaLine, "REDACTION", "off", 1)
	f := follow(t, filepath.Join(t.TempDir(), "run.jsonl"))
	time.Sleep(pollInterval / 2)
	f.write(t, meta[:20])
	time.Sleep(pollInterval / 2)
	f.write(t, meta[20:])
	f.write(t, scriptLine("http.pending", 1000, `"id":1,"conn":1`, getMember))
	f.expect(t, "started 1")
	half := httpText(1, 1000, "2000", okMember)
	f.write(t, half[:30])
	time.Sleep(2 * pollInterval)
	f.write(t, half[30:]+scriptLine("ws.open", 2500, `"id":2,"conn":3`, socketMember))
	told := []string{"started 1", "started 2", "request 2", "response 2", "opened 2", "request 1", "response 1", "done 1"}
	f.expect(t, told...)
	f.write(t, frameText(2, 1, 5000, "x"))
	f.expect(t, append(told, "frame 2.1")...)
	f.write(t, meta+httpText(1, 0, "0", okMember)) // another run
	told = append(told, "frame 2.1", "closed 2", "started 3", "request 3", "response 3", "done 3")
	f.expect(t, told...)
	if err := os.Rename(scripted(t, httpText(1, 0, "0", okMember)), f.path); err != nil {
		t.Fatal(err)
	}
	f.expect(t, append(told, "started 4", "request 4", "response 4", "done 4")...)
}

func TestPlayRefuses(t *testing.T) {
	if _, err := OpenPlayer(nil, PlayOptions{Loop: true, Follow: true}); err == nil {
		t.Error("loops and follows")
	}
	if _, err := OpenPlayer([]string{filepath.Join(t.TempDir(), "none")}, PlayOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing recording: %v", err)
	}
	path := filepath.Join(t.TempDir(), "run.har")
	if err := os.WriteFile(path, []byte("{\"log\":{}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openPlayer(t, PlayOptions{Follow: true}, path)
	if err := p.Play(t.Context(), observerFunc(func(traffic.Event) {})); !errors.Is(err, errNotGrowing) {
		t.Errorf("followed HAR: %v", err)
	}
}

func TestPlayHAR(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	w := createRecording(t, path, "off")
	observeTraffic(t, w, rand.New(rand.NewPCG(7, 7)))
	closeRecording(t, w)
	c := newContract(t)
	counts := map[string]int{}
	playTo(t, PlayOptions{}, observerFunc(func(e traffic.Event) {
		counts[fmt.Sprintf("%T", e)]++
		switch e.(type) {
		case traffic.TunnelOpened, traffic.TunnelClosed, traffic.TLSFailed:
		default: // of an exchange
			c.Observe(e)
		}
	}), path)
	c.finish()
	for event, want := range map[string]int{
		"traffic.RequestStarted": 200, "traffic.ExchangeDone": 160, "traffic.ExchangeAborted": 20, "traffic.WSOpened": 20,
		"traffic.FrameSeen": 400, "traffic.WSClosed": 20, "traffic.TunnelClosed": 20, "traffic.TLSFailed": 20,
	} {
		if counts[event] != want {
			t.Errorf("%d of %s, want %d", counts[event], event, want)
		}
	}
}

func BenchmarkPlay(b *testing.B) {
	path := generate(b, 50_000)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		playTo(b, PlayOptions{}, observerFunc(func(traffic.Event) {}), path)
	}
}
