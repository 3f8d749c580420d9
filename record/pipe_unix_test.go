//go:build unix

package record

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

func TestAPipeNobodyReadsStopsTheRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- readByte(path) }()
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	w.Observe(traffic.ExchangeDone{Exchange: exchange(1)})
	select {
	case <-w.Failed():
	case <-time.After(10 * time.Second):
		t.Fatal("the recording goes on")
	}
	if err := w.Close(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Close returned %v", err)
	}
}

// readByte reads the beginning of a pipe and leaves.
func readByte(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(f, make([]byte, 1))
	return errors.Join(err, f.Close())
}
