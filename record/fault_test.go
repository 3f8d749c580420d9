package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// brokenDisk takes so many bytes and then no more, in the middle of a write.
type brokenDisk struct {
	f    *os.File
	left int
}

func (d *brokenDisk) Write(p []byte) (int, error) {
	n, err := d.f.Write(p[:min(len(p), d.left)])
	if d.left -= n; err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func TestAFullDiskStopsTheRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := &output{w: &brokenDisk{f: f, left: 3000}, file: f, close: f.Close}
	w, err := start(out, path, Options{Redaction: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; ; i++ {
		w.Observe(traffic.ExchangeDone{Exchange: exchange(traffic.ExchangeID(i))})
		select {
		case <-w.Failed():
		default:
			continue
		}
		break
	}
	if err := w.Err(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Err is %v", err)
	}
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close returned %v", err)
	}
	lines := linesOf(t, path) // all whole, no warning
	if len(lines) < 5 {
		t.Errorf("%d lines were kept", len(lines))
	}
	for _, line := range lines[1:] {
		parse(t, line)
	}
}

func TestADeviceThatIsFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	if _, err := Create("/dev/full", Options{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
}

func TestABodyThatCannotBeWrittenStopsTheRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(bodiesDir(path), nil, 0o600); err != nil { // where the folder must be
		t.Fatal(err)
	}
	w, err := Create(path, Options{InlineMax: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := exchange(2)
	x.ResponseBody = traffic.BodyOf([]byte("too long"))
	w.Observe(traffic.ExchangeDone{Exchange: exchange(1)})
	w.Observe(traffic.ExchangeDone{Exchange: x})
	<-w.Failed()
	if w.Close() == nil {
		t.Error("no error")
	}
	if lines := linesOf(t, path); len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
}

// recordUntilKilled is the process that TestKillKeepsWholeLines kills.
func recordUntilKilled(path string) {
	w, err := Create(path, Options{InlineMax: 1000})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	began := time.Now()
	for i := 1; time.Since(began) < 20*time.Second; i++ { // not forever, should nobody kill it
		x := exchange(traffic.ExchangeID(i))
		x.ResponseBody = traffic.BodyOf(bytes.Repeat([]byte("x"), i%2000))
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
		if i == 5000 {
			fmt.Println("under load")
		}
	}
	os.Exit(0)
}

func TestKillKeepsWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NECTO_TEST_RECORD="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, readErr := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	_ = cmd.Wait() // it was killed
	f := open(t, path)
	count := 0
	err = f.Scan(func(l Line) error {
		if l.Type != TypeHTTP {
			return nil
		}
		count++
		e, err := ParseEntry(l.Raw)
		if err != nil || e.ID != uint64(count) {
			return fmt.Errorf("exchange %d: %w", count, err)
		}
		if e.Response.Body == nil {
			return nil
		}
		body, err := f.OpenBody(e.Response.Body)
		if err != nil {
			return err
		}
		return body.Close()
	})
	if err != nil || count == 0 {
		t.Errorf("%d exchanges, error %v", count, err)
	}
	if len(f.Warnings()) > 1 {
		t.Errorf("warnings: %q", f.Warnings())
	}
}
