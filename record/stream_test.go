package record

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestScanStream(t *testing.T) {
	content := metaLine + `{"type":"http","seq":2,"id":1,"conn":1}` + "\n\x00\n" + `{"type":"ws.fra`
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(content),
		"byte by byte": iotest.OneByteReader(strings.NewReader(content)),
	} {
		t.Run(name, func(t *testing.T) {
			var types, warnings []string
			err := ScanStream("-", r, func(text string) { warnings = append(warnings, text) }, func(l Line) error {
				types = append(types, l.Type)
				if got := content[l.Offset : l.Offset+int64(l.Length)]; got != string(l.Raw) {
					t.Errorf("at %d: %q", l.Offset, got)
				}
				return nil
			})
			if diff := cmp.Diff([]string{"meta", "http"}, types); diff != "" || err != nil {
				t.Error(diff, err)
			}
			if len(warnings) != 2 || !strings.HasPrefix(warnings[1], "-: the last line") {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// A line is told when it is there, not when more follows.
func TestScanStreamDoesNotWaitForMore(t *testing.T) {
	r, w := io.Pipe()
	told, done := make(chan string), make(chan error)
	go func() {
		done <- ScanStream("-", r, nil, func(l Line) error { told <- l.Type; return nil })
	}()
	for _, line := range []string{metaLine, `{"type":"http","seq":2,"id":1}` + "\n"} {
		if _, err := io.WriteString(w, line); err != nil {
			t.Fatal(err)
		}
		<-told
	}
	broken := errors.New("broken")
	w.CloseWithError(broken)
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestScanStreamRefusesWhatIsNoRecording(t *testing.T) {
	for _, content := range []string{"", "milk, bread\n", strings.Repeat("x", 3*maxMeta)} {
		err := ScanStream("stdin", strings.NewReader(content), nil, nil)
		if !errors.Is(err, ErrNotRecording) || !strings.Contains(err.Error(), "stdin") {
			t.Errorf("error %v", err)
		}
	}
	if err := ScanStream("stdin", iotest.ErrReader(io.ErrClosedPipe), nil, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
	newer := strings.Replace(metaLine, `"v":1`, `"v":2`, 1)
	var version *VersionError
	if err := ScanStream("stdin", strings.NewReader(newer), nil, nil); !errors.As(err, &version) {
		t.Errorf("error %v", err)
	}
}

func TestParseLine(t *testing.T) {
	raw := []byte(`{"type":"http","seq":7,"id":3,"conn":2,"at":""}`)
	l, err := ParseLine(raw)
	if err != nil || l.Type != TypeHTTP || l.ID != 3 || l.Conn != 2 || l.Length != len(raw) || !l.CanRenumber() {
		t.Errorf("got %+v, %v", l, err)
	}
	for _, text := range []string{"", "{}", "[]", "x"} {
		if _, err := ParseLine([]byte(text)); !errors.Is(err, ErrNotRecording) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
