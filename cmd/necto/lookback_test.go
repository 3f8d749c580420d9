package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/internal/lookback"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// lookbackRun is how many exchanges there are, lookbackMemory how many of them the
// event server keeps.
const (
	lookbackRun    = 100
	lookbackMemory = 5
)

// serveLookback serves an event server that looks back on a recording, until the test
// ends.
func serveLookback(t *testing.T, past *lookback.File, session string) (*eventserver.Server, string) {
	t.Helper()
	s := eventserver.New(eventserver.Options{
		SessionID: session, Recording: past, HistoryItems: lookbackMemory, RingItems: 4 * lookbackMemory,
		HAR: harWriter(redaction{mode: "off"}),
	})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		s.Close(t.Context())
		web.Close()
		if err := past.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, web.URL
}

// observeRun tells of exchanges and of a WebSocket connection.
func observeRun(t *testing.T, to traffic.Observer) {
	t.Helper()
	for id := range traffic.ExchangeID(lookbackRun) {
		u, err := traffic.ParseURL(fmt.Sprintf("http://a.test/%d", id+1))
		if err != nil {
			t.Fatal(err)
		}
		x := &traffic.Exchange{
			ID: id + 1, Conn: 1, Started: time.Now(), Client: "127.0.0.1:50312", Duration: time.Millisecond,
			Request:  &traffic.Request{Method: "GET", Target: u.Target, URL: u, Proto: "HTTP/1.1"},
			Response: &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1"}, ResponseBody: traffic.BodyOf([]byte("content")),
		}
		to.Observe(traffic.RequestStarted{Exchange: x})
		if id != 10 {
			to.Observe(traffic.ExchangeDone{Exchange: x})
			continue
		}
		x.Response.Status, x.ResponseBody, x.WS = 101, nil, new(traffic.WebSocket)
		to.Observe(traffic.WSOpened{Exchange: x})
		now := time.Now()
		to.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
			Exchange: x, Seq: 1, Opcode: traffic.OpText, Fin: true, First: now, Last: now, Payload: []byte("hi"), Length: 2, Size: 2,
		}})
		to.Observe(traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{Code: 1000, Frames: [2]uint64{1, 0}, Duration: time.Second}})
	}
}

// getJSON reads an answer of the REST API.
func getJSON(t *testing.T, url string, v any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
}

// listAll returns the ids of all entries, page by page.
func listAll(t *testing.T, address string) []string {
	t.Helper()
	var ids []string
	for query := ""; ; {
		var list struct {
			Entries []struct{ ID string }
			Next    *string
		}
		getJSON(t, address+"/api/traffic?limit=7"+query, &list)
		for _, e := range list.Entries {
			ids = append(ids, e.ID)
		}
		if list.Next == nil {
			return ids
		}
		query = "&before=" + *list.Next
	}
}

// runIDs returns the ids of the exchanges of the run, from the last to the first.
func runIDs(session string, runs int) []string {
	var ids []string
	for id := range runs * lookbackRun {
		ids = append(ids, fmt.Sprintf("%s-%d", session, id+1))
	}
	slices.Reverse(ids)
	return ids
}

// backlogOf returns the ids of the entries that a client is sent which asks for
// everything, from the last to the first.
func backlogOf(t *testing.T, address string, entries int) []string {
	t.Helper()
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(mockttpPatience, func() { _ = c.Close() })
	t.Cleanup(func() {
		late.Stop()
		_ = c.Close()
	})
	if _, err := c.Call("traffic:subscribe", map[string]any{"since": 1}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for len(ids) < entries {
		e, err := c.Next()
		if err != nil {
			t.Fatalf("after %d entries: %v %v", len(ids), err, ids)
		}
		if e.Name != "traffic:batch" {
			continue
		}
		var batch []struct{ ID string }
		if err := json.Unmarshal(e.Args[0], &batch); err != nil {
			t.Fatal(err)
		}
		for _, entry := range batch {
			ids = append(ids, entry.ID)
		}
	}
	slices.Reverse(ids)
	return ids
}

// TestEventServerLooksBackOnARecording asks for more than memory has: of what is
// being recorded, behind another run in the same file, and of what is played.
func TestEventServerLooksBackOnARecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	for _, session := range []string{"01KAHQ2V7M6Q9Z4B8N3T5R1XCD", "01KAHQ2V7M6Q9Z4B8N3T5R1XCE"} {
		w, err := record.Create(path, record.Options{Session: session, Append: true})
		if err != nil {
			t.Fatal(err)
		}
		past := lookback.Open(path, session)
		s, address := serveLookback(t, past, session)
		observeRun(t, traffic.Tee{w, s})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkLookback(t, address, runIDs(session, 1))
	}
	player, err := replay.OpenPlayer([]string{path}, replay.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, address := serveLookback(t, lookback.Open(path, ""), "played")
	if err := player.Play(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	checkLookback(t, address, runIDs("played", 2))
	if err := player.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkLookback(t *testing.T, address string, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, listAll(t, address)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	got := backlogOf(t, address, len(want))
	slices.SortFunc(got, func(a, b string) int { return slices.Index(want, a) - slices.Index(want, b) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("backlog (-want +got):\n%s", diff)
	}
	var har struct {
		Log struct{ Entries []struct{} }
	}
	getJSON(t, address+"/api/har", &har)
	if len(har.Log.Entries) != len(want) {
		t.Errorf("%d entries in the HAR, want %d", len(har.Log.Entries), len(want))
	}
	var frames struct{ Frames []struct{ Data []byte } }
	getJSON(t, address+"/api/websocket/"+want[len(want)-11]+"/frames", &frames)
	if len(frames.Frames) != 1 || string(frames.Frames[0].Data) != "hi" {
		t.Errorf("frames: %q", frames)
	}
}
