package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// liveLines makes the lines of a recording of events: of an exchange when it has
// ended, of a WebSocket connection and of its frames at once.
type liveLines struct {
	h Handler
	// entries are the exchanges that have not ended and the handshakes of
	// connections that have not, by their ids in events, as far as is known.
	entries map[string]*record.Entry
	seq     uint64
	buf     []byte
}

func newLiveLines(h Handler) *liveLines {
	return &liveLines{h: h, entries: map[string]*record.Entry{}}
}

// begin makes the first line.
func (l *liveLines) begin(session string) error {
	l.seq++
	text, err := json.Marshal(struct {
		Type    string `json:"type"`
		Seq     uint64 `json:"seq"`
		Format  string `json:"format"`
		V       int    `json:"v"`
		Session string `json:"session"`
		At      string `json:"at"`
		Us      int64  `json:"us"`
		Tool    string `json:"tool"`
	}{record.TypeMeta, l.seq, "necto-recording", record.Version, session, time.Now().UTC().Format(stampLayout), 0, "necto"})
	if err != nil {
		return err
	}
	return l.h.Line(record.Line{Type: record.TypeMeta, Length: len(text), Raw: text})
}

// event makes lines of an event, if it is one of traffic.
func (l *liveLines) event(e *eventclient.Event) error {
	if len(e.Args) == 0 {
		return nil
	}
	switch e.Name {
	case "traffic:batch":
		return l.batch(e)
	case "traffic:update":
		return l.update(e)
	case "websocket:open":
		return l.open(e)
	case "websocket:frame":
		return l.frame(e)
	case "websocket:close":
		return l.closed(e)
	case "lagged":
		return l.lagged(e)
	default:
		return nil
	}
}

// lagged says that the server did not wait.
func (l *liveLines) lagged(e *eventclient.Event) error {
	var arg struct{ Dropped uint64 }
	if err := decodeArg(e, &arg); err != nil {
		return err
	}
	l.h.Warn(fmt.Sprintf("%d events were missed: what reads the output is too slow", arg.Dropped))
	return nil
}

// line hands on a line that ends with a line feed.
func (l *liveLines) line(kind string, id uint64, text []byte) error {
	l.buf = text[:0]
	raw := bytes.TrimSuffix(text, []byte("\n"))
	return l.h.Line(record.Line{Type: kind, ID: id, Length: len(raw), Raw: raw})
}

// next returns the number of the next line.
func (l *liveLines) next() uint64 {
	l.seq++
	return l.seq
}

func (l *liveLines) batch(e *eventclient.Event) error {
	var entries []liveEntry
	if err := decodeArg(e, &entries); err != nil {
		return err
	}
	for i := range entries {
		l.entries[entries[i].ID] = entries[i].entry(e)
	}
	return nil
}

func (l *liveLines) update(e *eventclient.Event) error {
	var u liveEntry
	if err := decodeArg(e, &u); err != nil {
		return err
	}
	entry := l.entries[u.ID]
	if entry == nil {
		return nil // it began before what the server still has
	}
	u.update(entry, e)
	if !u.IsComplete {
		return nil
	}
	delete(l.entries, u.ID)
	if entry.Type == record.TypeWSOpen {
		return nil // its line has come already
	}
	entry.Seq = l.next()
	return l.line(entry.Type, entry.ID, record.AppendEntry(l.buf, entry))
}

func (l *liveLines) open(e *eventclient.Event) error {
	var o liveSocket
	if err := decodeArg(e, &o); err != nil {
		return err
	}
	entry := l.entries[o.TrafficID]
	if entry == nil {
		entry = &record.Entry{ID: number(o.TrafficID), At: time.UnixMilli(o.Timestamp).UTC()}
		entry.Request = record.EntryRequest{Method: "GET", URL: o.URL, Proto: "HTTP/1.1"}
		l.entries[o.TrafficID] = entry
	}
	entry.Type, entry.WS, entry.Seq = record.TypeWSOpen, &traffic.WebSocket{Subprotocol: o.Subprotocol}, l.next()
	return l.line(entry.Type, entry.ID, record.AppendEntry(l.buf, entry))
}

func (l *liveLines) frame(e *eventclient.Event) error {
	var f liveFrame
	if err := decodeArg(e, &f); err != nil {
		return err
	}
	entry := &record.FrameEntry{
		Seq: l.next(), ID: number(f.TrafficID), N: f.Seq, At: time.UnixMilli(f.Timestamp).UTC(),
		Opcode: traffic.Opcode(f.Opcode), Fin: f.Fin, Length: f.Length,
		Body:    record.EntryBody{Size: f.Length, Inline: f.Data, Truncated: f.IsTruncated},
		Decoded: f.IsTruncated, Injected: f.Injected, Dropped: f.Dropped, Edited: f.Edited, Rules: f.Rules,
	}
	if f.Direction == traffic.ServerToClient.String() {
		entry.Dir = traffic.ServerToClient
	}
	return l.line(record.TypeWSFrame, entry.ID, record.AppendFrame(l.buf, entry))
}

func (l *liveLines) closed(e *eventclient.Event) error {
	var c liveSocket
	if err := decodeArg(e, &c); err != nil {
		return err
	}
	entry := &record.CloseEntry{Seq: l.next(), ID: number(c.TrafficID), At: time.UnixMilli(c.Timestamp).UTC()}
	entry.Code, entry.Reason, entry.By, entry.Cause = c.Code, c.Reason, traffic.Side(c.By), c.Cause
	entry.Frames = c.Frames
	if open := l.entries[c.TrafficID]; open != nil {
		entry.Duration = entry.At.Sub(open.At)
	}
	return l.line(record.TypeWSClose, entry.ID, record.AppendClose(l.buf, entry))
}

// decodeArg reads the argument of an event.
func decodeArg(e *eventclient.Event, v any) error {
	if err := json.Unmarshal(e.Args[0], v); err != nil {
		return fmt.Errorf("event %s: %w", e.Name, err)
	}
	return nil
}

// number returns the number of the exchange that the id of an event ends with.
func number(id string) uint64 {
	n, _ := strconv.ParseUint(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	return n
}

// liveHeader is a header as events have it.
type liveHeader map[string]any

// fields returns the header in the order of names, as the server's is not known.
func (h liveHeader) fields() traffic.Fields {
	var fields traffic.Fields
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch v := h[name].(type) {
		case string:
			fields.Add(name, v)
		case []any:
			for _, one := range v {
				if text, ok := one.(string); ok {
					fields.Add(name, text)
				}
			}
		}
	}
	return fields
}
