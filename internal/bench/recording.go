//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// checkRecording verifies that a recording holds exactly what was relayed, ends
// with its end line, and that this line says the same.
func checkRecording(name string, relayed counts) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkLines(f, relayed); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func checkLines(r io.Reader, relayed counts) error {
	var recorded counts
	var last []byte
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("after %v: %w", recorded, err)
		}
		recorded.addLine(line)
		last = line
	}
	if recorded != relayed {
		return fmt.Errorf("recorded are %v, relayed were %v", recorded, relayed)
	}
	return checkEnd(last, relayed)
}

// addLine counts what a line of a recording has.
func (c *counts) addLine(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte(`{"type":"http",`)):
		c.requests++
	case bytes.HasPrefix(line, []byte(`{"type":"ws.open",`)):
		c.websockets++
	case bytes.HasPrefix(line, []byte(`{"type":"ws.frame",`)):
		c.frames++
	}
}

func checkEnd(line []byte, relayed counts) error {
	var end struct {
		Type                                   string
		Exchanges, WebSockets, Frames, Dropped int
	}
	if err := json.Unmarshal(line, &end); err != nil || end.Type != "end" {
		return fmt.Errorf("the last line is not the end: %q", line)
	}
	if said := (counts{end.Exchanges, end.WebSockets, end.Frames}); said != relayed {
		return fmt.Errorf("the end line counts %v, relayed were %v", said, relayed)
	}
	if end.Dropped != 0 {
		return fmt.Errorf("the end line counts %d dropped", end.Dropped)
	}
	return nil
}

func (c counts) String() string {
	return fmt.Sprintf("%d exchanges, %d WebSocket connections and %d frames", c.requests, c.websockets, c.frames)
}
