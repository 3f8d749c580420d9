package record

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/traffic"
)

// spelled returns the line that says what line says, "" if it is of a type that
// is not parsed.
func spelled(line []byte) (parsed any, again []byte, err error) {
	switch parseHead(line).lineType {
	case TypeHTTP, TypePending, TypeWSOpen:
		if e, err := ParseEntry(line); err == nil {
			return e, AppendEntry(nil, e), nil
		}
	case TypeWSFrame:
		if f, err := ParseFrame(line); err == nil {
			return f, AppendFrame(nil, f), nil
		}
	case TypeWSClose:
		if c, err := ParseWSClose(line); err == nil {
			return c, AppendClose(nil, c), nil
		}
	}
	return nil, nil, err
}

func TestLinesOfEntriesAreThoseOfTheWriter(t *testing.T) {
	x := full(t)
	x.RequestBody = traffic.BodyOf([]byte(strings.Repeat("long ", 20_000)))
	edited := frame(handshake(2), 1, traffic.ClientToServer, traffic.OpText, `{"a":1}`)
	edited.Edited, edited.Original, edited.Rules = true, []byte(`{"a":2}`), []string{"one", "two"}
	path, _ := recorded(t, Options{},
		traffic.ExchangeDone{Exchange: x}, traffic.RequestStarted{Exchange: exchange(3)},
		traffic.WSOpened{Exchange: handshake(2)}, traffic.FrameSeen{Frame: edited},
		traffic.WSClosed{Exchange: handshake(2), Close: &traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "eof"}})
	example, err := os.ReadFile("testdata/recordings/example.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for line := range bytes.Lines(append(example, written...)) {
		_, again, err := spelled(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if again == nil {
			continue
		}
		if diff := cmp.Diff(string(line), string(again)); diff != "" {
			t.Error(diff)
		}
		tested++
	}
	if tested != 14 {
		t.Errorf("%d lines tested", tested)
	}
}

func FuzzLines(f *testing.F) {
	example, err := os.ReadFile("testdata/recordings/example.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(example) {
		f.Add(bytes.TrimSpace(line))
	}
	f.Add([]byte(`{"type":"http","id":1,"request":{"method":"\u00e9","latin1":["method"],"body":{"base64":"/w=="}}}`))
	f.Add([]byte(`{"type":"ws.frame","id":1,"dir":"client-to-server","original":{"size":1,"text":"a"},"rules":["x"]}`))
	f.Add([]byte(`{"type":"http","id":1,"request":{},"grpc":[{"dir":"server-to-client","ms":1.25,"size":3,"compressed":true},{}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if !utf8.Valid(line) || len(line) == 0 {
			return
		}
		first, again, _ := spelled(line)
		if again == nil {
			return
		}
		second, third, err := spelled(bytes.TrimSuffix(again, []byte("\n")))
		if err != nil || second == nil {
			t.Fatalf("%s: not parsed again: %v", again, err)
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty(), cmp.AllowUnexported(traffic.Field{})); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(again, third) {
			t.Fatalf("%s became %s", again, third)
		}
	})
}
