package tail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/record"
)

// The lines of fleetSource.
const (
	meta   = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"session":"%s","at":"2026-01-02T03:04:05.000000Z","us":0}`
	opened = `{"type":"ws.open","seq":2,"id":1,"conn":1,"at":"2026-01-02T03:04:05.000000Z","us":0,"client":"c",` +
		`"request":{"method":"GET","url":"ws://%s/","proto":"HTTP/1.1","headers":[]},"response":{"status":101,"reason":"","proto":"HTTP/1.1","headers":[]}}`
	frame = `{"type":"ws.frame","seq":3,"id":1,"n":1,"at":"2026-01-02T03:04:05.000000Z","us":0,"dir":"client-to-server",` +
		`"opcode":1,"fin":true,"length":5,"text":"%s"}`
)

// fleetSource has lines of two recorders in turn, with the same numbers.
type fleetSource struct{}

func (fleetSource) Name() string { return "fleet" }

func (fleetSource) Scan(_ context.Context, h tail.Handler) error {
	for _, format := range []string{meta, opened, frame} {
		for _, name := range []string{"first", "other"} {
			l, err := record.ParseLine(fmt.Appendf(nil, format, name))
			if err == nil {
				err = h.From("RECORDER" + name).Line(l)
			}
			if err != nil {
				return err
			}
		}
	}
	return h.Idle()
}

func (fleetSource) OpenBody(*record.EntryBody) (io.ReadCloser, error) { return nil, errors.New("none") }
func (fleetSource) Close() error                                      { return nil }

func TestRecordersOfOneSourceAreToldApart(t *testing.T) {
	format, err := tail.ParseFormat("{{.Source}} {{.Type}} {{.Host}}")
	if err != nil {
		t.Fatal(err)
	}
	other, err := filter.Parse("frame:other")
	if err != nil {
		t.Fatal(err)
	}
	one := 1
	tests := []struct {
		name string
		o    tail.Options
		want []string
	}{
		{"for people", tail.Options{}, []string{
			"Rfirst  [03:04:05.000]  GET      101          -         -  ws://first/  (#1)",
			"Rother  [03:04:05.000]  GET      101          -         -  ws://other/  (#1)",
			"Rfirst  [03:04:05.000]  -->  first",
			"Rother  [03:04:05.000]  -->  other",
		}},
		{"the last of each", tail.Options{Last: &one, Follow: true}, []string{
			"Rfirst  [03:04:05.000]  -->  first",
			"Rother  [03:04:05.000]  -->  other",
		}},
		{"by a template", tail.Options{Format: format}, []string{
			"RECORDERfirst ws.open first", "RECORDERother ws.open other",
			"RECORDERfirst ws.frame first", "RECORDERother ws.frame other",
		}},
		{"as JSON", tail.Options{JSON: true, Filter: other}, []string{
			line(meta, "first", `,"recorder":"RECORDERfirst"}`), line(meta, "other", `,"recorder":"RECORDERother"}`),
			line(frame, "other", `,"recorder":"RECORDERother"}`),
		}},
	}
	for _, test := range tests {
		test.o.Location = time.UTC
		var out bytes.Buffer
		if err := tail.Run(t.Context(), &out, []tail.Source{fleetSource{}}, test.o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Join(test.want, "\n")+"\n", out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// line returns a line of fleetSource with another end.
func line(format, name, end string) string {
	return strings.TrimSuffix(fmt.Sprintf(format, name), "}") + end
}
