package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
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
		return fmt.Sprintf("tunnel closed %d %d", e.Conn, e.BytesDown)
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

// script writes a recording of lines behind their types, to which seq, at and a
// request are added where they are missing, and returns its path.
func script_(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte(scriptText(lines...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func scriptText(lines ...string) string {
	var b strings.Builder
	for _, line := range append([]string{`{"type":"meta","format":"necto-recording","v":1,"at":"2026-11-20T23:44:03Z","us":0}`}, lines...) {
		line = strings.Replace(line, `"R"`, `"request":{"method":"GET","url":"http://h/","proto":"HTTP/1.1","headers":[]}`, 1)
		line = strings.Replace(line, `"A"`, `"response":{"status":200,"reason":"OK","proto":"HTTP/1.1","headers":[]}`, 1)
		line = strings.Replace(line, `"W"`, `"request":{"method":"GET","url":"ws://h/","proto":"HTTP/1.1","headers":[]},"response":{"status":101,"reason":"","proto":"HTTP/1.1","headers":[]}`, 1)
		if !strings.Contains(line, `"at":`) {
			line = strings.Replace(line, "}", `,"at":"2026-11-20T23:44:03Z"}`, strings.Count(line, "}"))
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
