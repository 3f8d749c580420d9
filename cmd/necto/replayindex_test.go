package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// TestIgnoredFieldsChange while recordings are replayed: an answer that has begun goes
// on, nothing is forgotten that was counted, and a recording that is gone changes
// nothing.
func TestIgnoredFieldsChange(t *testing.T) {
	content, err := os.ReadFile("../../testdata/recordings/chat.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	recording := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(recording, content, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := loadIndex([]string{recording}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const rooms = `200 {"rooms":["general"]}`
	before := askIndex(t, x, "/rooms")
	if got := answerText(t, askIndex(t, x, "/rooms?ts=1")); got[:3] != "501" {
		t.Errorf("at the start: %s", got)
	}
	ts := []replay.Field{{Query: "ts"}}
	if err := x.ignore(ts); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{answerText(t, askIndex(t, x, "/rooms?ts=1")), answerText(t, before)} {
		if diff := cmp.Diff(rooms, got); diff != "" {
			t.Error(diff)
		}
	}
	if err := os.Remove(recording); err != nil {
		t.Fatal(err)
	}
	if err := x.ignore(ts); err != nil {
		t.Errorf("nothing else to ignore: %v", err)
	}
	if err := x.ignore(nil); err == nil {
		t.Error("a recording that is gone was read")
	}
	if got := answerText(t, askIndex(t, x, "/rooms?ts=2")); got != rooms {
		t.Errorf("at the end: %s", got)
	}
	if s := x.stats(); s.Served != 3 || s.Missed != 1 || s.Exchanges != 1 || s.WebSockets != 1 {
		t.Errorf("counts %+v", s)
	}
	x.endConversations()
	if err := errors.Join(x.close(), x.ignore(nil)); err != nil {
		t.Error(err)
	}
}

func askIndex(t *testing.T, x *replayIndex, target string) *traffic.Response {
	t.Helper()
	u := traffic.URL{Scheme: "https", Authority: "chat.example.com", Target: target}
	resp, err := x.layer(nil).RoundTrip(t.Context(), &traffic.Request{Method: "GET", Target: target, URL: u})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func answerText(t *testing.T, resp *traffic.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%d %s", resp.Status, body)
}
