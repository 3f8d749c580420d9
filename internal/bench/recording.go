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

// checkRecording verifies that a recording holds exactly as many exchanges as
// requests were answered, ends with its end line, and that this line says the
// same.
func checkRecording(name string, requests int) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkLines(f, requests); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func checkLines(r io.Reader, requests int) error {
	exchanges := 0
	var last []byte
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("after %d exchanges: %w", exchanges, err)
		}
		if bytes.HasPrefix(line, []byte(`{"type":"http",`)) {
			exchanges++
		}
		last = line
	}
	if exchanges != requests {
		return fmt.Errorf("%d exchanges recorded, %d requests answered", exchanges, requests)
	}
	var end struct {
		Type      string
		Exchanges int
		Dropped   int
	}
	if err := json.Unmarshal(last, &end); err != nil || end.Type != "end" {
		return fmt.Errorf("the last line is not the end: %q", last)
	}
	if end.Exchanges != requests || end.Dropped != 0 {
		return fmt.Errorf("the end line counts %d exchanges and %d dropped, want %d and 0", end.Exchanges, end.Dropped, requests)
	}
	return nil
}
