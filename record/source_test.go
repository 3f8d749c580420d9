package record

import (
	"bytes"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// TestRecordingsSayWhoAnswered holds the member that filters find mocks by.
func TestRecordingsSayWhoAnswered(t *testing.T) {
	for _, source := range []traffic.Source{traffic.SourceOrigin, traffic.SourceRule, traffic.SourceReplay} {
		x := &traffic.Exchange{
			ID: 1, Request: &traffic.Request{Method: "GET"}, Response: &traffic.Response{Status: 200, Source: source},
		}
		enc := newEncoder("", Options{})
		line, err := enc.appendExchange(nil, x)
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseEntry(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Exchange(nil).Response.Source; got != source {
			t.Errorf("source %q came back as %q", source, got)
		}
		if has := bytes.Contains(line, []byte(`"source":`)); has != (source != traffic.SourceOrigin) {
			t.Errorf("source %q: %s", source, line)
		}
		if again := AppendEntry(nil, e); !bytes.Contains(again, []byte(`"source":"`+string(source)+`"`)) && source != "" {
			t.Errorf("written again: %s", again)
		}
	}
}
