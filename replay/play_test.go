package replay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// observerFunc is a function as an observer.
type observerFunc func(traffic.Event)

func (f observerFunc) Observe(e traffic.Event) { f(e) }

// playTo plays recordings to an observer, once.
func playTo(t testing.TB, o PlayOptions, to traffic.Observer, paths ...string) {
	t.Helper()
	p := openPlayer(t, o, paths...)
	if err := p.Play(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}

// openPlayer opens recordings until the end of the test.
func openPlayer(t testing.TB, o PlayOptions, paths ...string) *Player {
	t.Helper()
	p, err := OpenPlayer(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// played returns the events of recordings, each as a line.
func played(t testing.TB, o PlayOptions, paths ...string) []string {
	t.Helper()
	var told []string
	playTo(t, o, observerFunc(func(e traffic.Event) { told = append(told, eventText(e)) }), paths...)
	return told
}

// eventText returns what an event says, as far as it has announced it.
func eventText(e traffic.Event) string {
	switch e := e.(type) {
	case traffic.RequestStarted:
		return fmt.Sprintf("started %d %s %s", e.ID, e.Request.Method, e.Request.URL.Target)
	case traffic.RequestDone:
		return fmt.Sprintf("request %d %d bytes", e.ID, sizeOfBody(e.RequestBody))
	case traffic.Informational:
		return fmt.Sprintf("early %d %d", e.Exchange.ID, e.Response.Status)
	case traffic.RuleApplied:
		return fmt.Sprintf("rule %d %s%s", e.Exchange.ID, e.Rule, e.Action)
	case traffic.ResponseStarted:
		return fmt.Sprintf("response %d %d", e.ID, e.Response.Status)
	case traffic.ExchangeDone:
		return fmt.Sprintf("done %d %d bytes", e.ID, sizeOfBody(e.ResponseBody))
	case traffic.ExchangeAborted:
		return fmt.Sprintf("aborted %d %s", e.ID, e.Failure.Kind)
	case traffic.WSOpened:
		return fmt.Sprintf("opened %d", e.ID)
	case traffic.FrameSeen:
		return fmt.Sprintf("frame %d.%d %s", e.Exchange.ID, e.Seq, e.Payload)
	case traffic.WSClosed:
		return fmt.Sprintf("closed %d %d %s", e.Exchange.ID, e.Close.Code, e.Close.Cause)
	case traffic.TunnelOpened:
		return fmt.Sprintf("tunnel %d %s", e.Conn, e.Target)
	case traffic.TunnelClosed:
		return fmt.Sprintf("tunnel closed %d %d %v", e.Conn, e.BytesDown, e.Failure)
	case traffic.TLSFailed:
		return fmt.Sprintf("tls %d %s", e.Conn, e.Failure)
	default:
		return fmt.Sprintf("%T", e)
	}
}

func sizeOfBody(b *traffic.Body) int64 {
	if b == nil {
		return 0
	}
	return b.Size()
}

// The members that lines of scripts have.
const (
	getMember    = `"request":{"method":"GET","url":"http://h/","proto":"HTTP/1.1","headers":[]}`
	okMember     = `"response":{"status":200,"reason":"OK","proto":"HTTP/1.1","headers":[]}`
	socketMember = `"request":{"method":"GET","url":"ws://h/","proto":"HTTP/1.1","headers":[]},` +
		`"response":{"status":101,"reason":"","proto":"HTTP/1.1","headers":[]}`
)

// scriptLine is a line of a recording with the members given.
func scriptLine(kind string, us int, members ...string) string {
	return fmt.Sprintf(`{"type":"%s","seq":1,"at":"2026-11-20T23:44:03.%06dZ","us":%d,%s}`, kind, us, us, strings.Join(members, ",")) + "\n"
}

// httpText is the line of an exchange that took a time in milliseconds.
func httpText(id, us int, ms string, members ...string) string {
	members = append([]string{fmt.Sprintf(`"id":%d,"conn":%d`, id, id), getMember, `"ms":` + ms}, members...)
	return scriptLine("http", us, members...)
}

// frameText is the line of a frame of the server.
func frameText(id, n, us int, text string) string {
	return scriptLine("ws.frame", us, fmt.Sprintf(
		`"id":%d,"n":%d,"dir":"server-to-client","opcode":1,"fin":true,"length":%d,"text":"%s"`, id, n, len(text), text))
}

// scripted writes a recording of lines and returns its path.
func scripted(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	text := strings.Replace(metaLine, "REDACTION", "off", 1) + strings.Join(lines, "")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlayTellsInTheOrderOfTime(t *testing.T) {
	path := scripted(t,
		httpText(2, 3000, "1", okMember, `"timings":{"wait":0.5,"receive":0.5}`), // ended first
		scriptLine("ws.open", 2500, `"id":3,"conn":3`, socketMember),
		frameText(3, 1, 3600, "one"),
		scriptLine("tls", 5000, `"conn":5,"failure":"cert-rejected"`),
		frameText(3, 2, 6000, "two"),
		scriptLine("tunnel", 1500, `"conn":4,"target":"h:1","bytesDown":7,"error":{"kind":"reset","text":"gone"},"ms":6.0`),
		httpText(1, 1000, "9", okMember, `"timings":{"wait":3,"receive":6}`),
		scriptLine("ws.close", 11_000, `"id":3,"code":1000,"reason":"","by":"client","frames":{},"ms":8`),
		scriptLine("end", 12_000, `"dropped":0`),
	)
	want := []string{
		"started 1 GET /", "request 1 0 bytes", "tunnel 4 h:1",
		"started 3 GET /", "request 3 0 bytes", "response 3 101", "opened 3",
		"started 2 GET /", "request 2 0 bytes", "response 2 200", "frame 3.1 one",
		"response 1 200", "done 2 0 bytes", "tls 5 cert-rejected", "frame 3.2 two",
		"tunnel closed 4 7 gone", "done 1 0 bytes", "closed 3 1000 ",
	}
	if diff := cmp.Diff(want, played(t, PlayOptions{}, path)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPlayTellsOfRulesBehindTheRequest(t *testing.T) {
	path := scripted(t,
		httpText(1, 1000, "9", okMember, `"timings":{"wait":3,"receive":6},"rules":["one","two"]`),
		httpText(2, 2000, "1", `"error":{"kind":"fault","side":"necto","text":"reset"},"rules":["three"]`),
	)
	want := []string{
		"started 1 GET /", "request 1 0 bytes", "rule 1 one", "rule 1 two",
		"started 2 GET /", "request 2 0 bytes", "rule 2 three", "aborted 2 fault", "response 1 200", "done 1 0 bytes",
	}
	if diff := cmp.Diff(want, played(t, PlayOptions{}, path)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPlayEndsWhatHasNoEnd(t *testing.T) {
	path := scripted(t,
		httpText(1, 1000, "1", `"error":{"kind":"dns","side":"upstream","text":"no such host"}`),
		scriptLine("http.pending", 2000, `"id":2,"conn":2`, getMember),
		scriptLine("ws.open", 2500, `"id":3,"conn":3`, socketMember),
		frameText(3, 7, 4000, "one"),
		frameText(9, 1, 4000, "of nobody"),
		scriptLine("http.pending", 4500, `"id":4,"conn":2`, getMember),
		httpText(4, 4500, "1", okMember),
		"not a line\n",
		scriptLine("ws.frame", 5000, `"id":3,"dir":1`),
	)
	want := []string{
		"started 1 GET /", "request 1 0 bytes", "aborted 1 dns", "started 2 GET /",
		"started 3 GET /", "request 3 0 bytes", "response 3 101", "opened 3", "frame 3.1 one",
		"started 4 GET /", "request 4 0 bytes", "response 4 200", "done 4 0 bytes",
		"aborted 2 shutdown", "closed 3 1006 shutdown",
	}
	got := played(t, PlayOptions{}, path)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPlayKeepsNumbersApart(t *testing.T) {
	one := func(id int) string { return httpText(id, 1000, "0", okMember) }
	meta := strings.Replace(metaLine, "REDACTION", "off", 1)
	tests := map[string]struct {
		paths []string
		want  []uint64
	}{
		"one run":           {[]string{scripted(t, one(1), one(2))}, []uint64{1, 2}},
		"a run appended":    {[]string{scripted(t, one(1), one(2), meta, one(3))}, []uint64{1, 2, 3}},
		"runs put together": {[]string{scripted(t, one(1), one(2), meta, one(1), one(2), meta, one(2))}, []uint64{1, 2, 3, 4, 6}},
		"two recordings":    {[]string{scripted(t, one(5)), scripted(t, one(1))}, []uint64{5, 6}},
		"an empty run":      {[]string{scripted(t, meta, one(1), meta)}, []uint64{1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []uint64
			playTo(t, PlayOptions{}, observerFunc(func(e traffic.Event) {
				if e, ok := e.(traffic.ExchangeDone); ok {
					got = append(got, uint64(e.ID))
					if uint64(e.Conn) != uint64(e.ID) {
						t.Errorf("connection %d of exchange %d", e.Conn, e.ID)
					}
				}
			}), test.paths...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("exchanges (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlayObeysTheContract plays what does not add up, and checks what package
// traffic promises of each exchange.
func TestPlayObeysTheContract(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var lines []string
	for range 3000 {
		id, us := 1+r.IntN(40), r.IntN(100_000)
		ms := fmt.Sprintf("%d.%d", r.IntN(30), r.IntN(10))
		switch r.IntN(9) {
		case 0, 1:
			lines = append(lines, httpText(id, us, ms, okMember, fmt.Sprintf(`"timings":{"wait":%d,"receive":%d}`, r.IntN(30), r.IntN(30))))
		case 2:
			lines = append(lines, httpText(id, us, ms, `"error":{"kind":"reset"}`))
		case 3:
			lines = append(lines, scriptLine("http.pending", us, fmt.Sprintf(`"id":%d`, id), getMember))
		case 4:
			lines = append(lines, scriptLine("ws.open", us, fmt.Sprintf(`"id":%d`, id), socketMember))
		case 5:
			lines = append(lines, scriptLine("ws.close", us, fmt.Sprintf(`"id":%d,"code":1000,"reason":"","by":"client","frames":{},"ms":%s`, id, ms)))
		case 6:
			if r.IntN(60) == 0 {
				lines = append(lines, strings.Replace(metaLine, "REDACTION", "off", 1))
			}
		default:
			lines = append(lines, frameText(id, r.IntN(5), us, "x"))
		}
	}
	c := newContract(t)
	playTo(t, PlayOptions{}, c, scripted(t, lines...))
	c.finish()
}
