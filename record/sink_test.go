package record

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// parts is a Sink that begins a new part, with a folder of its own, at every
// Write.
type parts struct {
	dir    string
	lines  []string // by part
	wrote  chan struct{}
	broken error // what Write returns from the second on
	closed bool
}

func (p *parts) Write(lines []byte) (int, error) {
	if len(p.lines) > 0 && p.broken != nil {
		return 0, p.broken
	}
	p.lines = append(p.lines, string(lines))
	p.wrote <- struct{}{}
	return len(lines), nil
}

func (p *parts) Bodies() string { return filepath.Join(p.dir, fmt.Sprint(len(p.lines))) }

func (p *parts) Close() error {
	p.closed = true
	return nil
}

func TestASinkHasTheBodiesOfItsLines(t *testing.T) {
	sink := &parts{dir: t.TempDir(), wrote: make(chan struct{}, 10)}
	w, err := New(sink, Options{InlineMax: 10, Session: "S"})
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("long "), 100)
	for id := range traffic.ExchangeID(4) { // the same content in different parts
		x := exchange(id + 1)
		x.ResponseBody = traffic.BodyOf(content)
		w.Observe(traffic.ExchangeDone{Exchange: x})
		if id == 1 { // so that there are several writes: meta is the first
			<-sink.wrote
			<-sink.wrote
		}
	}
	if err := w.Close(); err != nil || !sink.closed {
		t.Fatalf("closed %v, error %v", sink.closed, err)
	}
	named := regexp.MustCompile(`"file":"([0-9a-f]{64})"`)
	bodies := 0
	for part, lines := range sink.lines {
		for _, name := range named.FindAllStringSubmatch(lines, -1) {
			bodies++
			stored, err := os.ReadFile(filepath.Join(sink.dir, fmt.Sprint(part), name[1]))
			if err != nil || !bytes.Equal(stored, content) {
				t.Errorf("part %d: %.20q, %v", part, stored, err)
			}
		}
	}
	if bodies != 4 || len(sink.lines) < 3 {
		t.Errorf("%d bodies in %d parts", bodies, len(sink.lines))
	}
	if all := strings.Join(sink.lines, ""); strings.Count(all, "\n") != 6 || !strings.Contains(all, `"session":"S"`) {
		t.Errorf("lines:\n%s", all)
	}
}

func TestASinkThatFailsEndsTheRecording(t *testing.T) {
	sink := &parts{dir: t.TempDir(), wrote: make(chan struct{}, 10), broken: errors.New("no more")}
	w, err := New(sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Observe(traffic.ExchangeDone{Exchange: exchange(1)})
	<-w.Failed()
	if err := w.Close(); !errors.Is(err, sink.broken) || !sink.closed {
		t.Errorf("closed %v, error %v", sink.closed, err)
	}
	refused := &parts{}
	if _, err := New(refused, Options{Redaction: "some"}); err == nil || !refused.closed {
		t.Errorf("bad options: closed %v, error %v", refused.closed, err)
	}
}
