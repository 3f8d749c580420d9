package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// conversation is a recorded WebSocket connection, by traffic.Direction.
type conversation struct {
	open     *record.Entry
	close    *record.CloseEntry
	messages [2][]wsMessage
	// opcodes counts the frames by traffic.Opcode.
	opcodes [2][16]int
	frames  uint64
}

// readConversation reads the one connection of a recording.
func readConversation(t *testing.T, path string) *conversation {
	t.Helper()
	file, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := new(conversation)
	if err := file.Scan(func(l record.Line) error { return c.add(t, file, l) }); err != nil {
		t.Fatal(err)
	}
	if len(file.Warnings()) > 0 {
		t.Errorf("warnings: %q", file.Warnings())
	}
	if c.open == nil || c.close == nil {
		t.Fatal("the recording lacks a connection or its end")
	}
	return c
}

func (c *conversation) add(t *testing.T, file *record.File, l record.Line) (err error) {
	t.Helper()
	switch l.Type {
	case record.TypeWSOpen:
		c.open, err = record.ParseEntry(l.Raw)
	case record.TypeWSClose:
		c.close, err = record.ParseWSClose(l.Raw)
	case record.TypeWSFrame:
		var f *record.FrameEntry
		if f, err = record.ParseFrame(l.Raw); err == nil {
			err = c.addFrame(t, file, f)
		}
	}
	return err
}

func (c *conversation) addFrame(t *testing.T, file *record.File, f *record.FrameEntry) error {
	t.Helper()
	c.frames++
	if f.N != c.frames || len(f.Anomalies) > 0 || f.Masked != (f.Dir == traffic.ClientToServer) {
		t.Errorf("frame %d: number %d, masked %v, anomalies %q", c.frames, f.N, f.Masked, f.Anomalies)
	}
	c.opcodes[f.Dir][f.Opcode]++
	if f.Opcode.Control() {
		return nil
	}
	body, err := file.OpenBody(&f.Body)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	messages := &c.messages[f.Dir]
	if f.Opcode != traffic.OpContinuation {
		*messages = append(*messages, wsMessage{Binary: f.Opcode == traffic.OpBinary})
	}
	if len(*messages) == 0 {
		t.Fatal("the first frame continues nothing")
	}
	m := &(*messages)[len(*messages)-1]
	m.Data = append(m.Data, content...)
	m.Parts++
	return body.Close()
}

// check compares the recording with what the client was told to do.
func (c *conversation) check(t *testing.T, client wsClient, call wsCall) {
	t.Helper()
	deflate := c.open.WS.Deflate[traffic.ServerToClient] != traffic.DeflateOff
	if deflate != call.deflate {
		t.Errorf("compressed: %v, want %v", deflate, call.deflate)
	}
	if c.close.Code != 1000 || c.close.By != traffic.SideClient {
		t.Errorf("closed by %s with %d, want by the client with 1000", c.close.By, c.close.Code)
	}
	for dir, got := range c.messages {
		compareMessages(t, traffic.Direction(dir), got, call.messages)
	}
	c.checkOpcodes(t, client, call)
}

func compareMessages(t *testing.T, dir traffic.Direction, got, want []wsMessage) {
	t.Helper()
	same := func(a, b wsMessage) bool { return a.Binary == b.Binary && bytes.Equal(a.Data, b.Data) }
	if len(got) != len(want) {
		t.Errorf("%s: %d messages, want %d", dir, len(got), len(want))
		return
	}
	for i := range got {
		if !same(got[i], want[i]) {
			t.Errorf("%s: message %d has %d bytes %.60q, want %d bytes %.60q",
				dir, i, len(got[i].Data), got[i].Data, len(want[i].Data), want[i].Data)
			return
		}
	}
}

// checkOpcodes compares the frames that are no messages of their own.
func (c *conversation) checkOpcodes(t *testing.T, client wsClient, call wsCall) {
	t.Helper()
	up, down := &c.opcodes[traffic.ClientToServer], &c.opcodes[traffic.ServerToClient]
	pings, originPings := 0, 1 // the origin pings once
	if call.deflate {
		originPings = 0 // this one does not
	}
	for _, m := range call.messages {
		if m.Ping && client.sends != onlyMessages {
			pings++
		}
	}
	type control struct{ Ping, Pong, Close int }
	of := func(n *[16]int) control {
		return control{n[traffic.OpPing], n[traffic.OpPong], n[traffic.OpClose]}
	}
	got := [2]control{of(up), of(down)}
	want := [2]control{{pings, originPings, 1}, {originPings, pings, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("control frames:\n%s", diff)
	}
	if !call.deflate && down[traffic.OpContinuation] == 0 {
		t.Error("the origin sent fragments, and none was recorded")
	}
	c.checkFragments(t, client.sends, call.messages)
}

// checkFragments compares the frames of the client's messages with what it does.
func (c *conversation) checkFragments(t *testing.T, sends wsSends, messages []wsMessage) {
	t.Helper()
	if continued := c.opcodes[traffic.ClientToServer][traffic.OpContinuation]; (continued == 0) != (sends == onlyMessages) {
		t.Errorf("%d frames of the client continue a message", continued)
	}
	if sends != allParts {
		return
	}
	for i, got := range c.messages[traffic.ClientToServer] {
		if got.Parts < messages[i].Parts {
			t.Errorf("message %d was sent in %d frames and recorded in %d", i, messages[i].Parts, got.Parts)
		}
	}
}
