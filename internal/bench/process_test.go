//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStatusBytes(t *testing.T) {
	const status = "Name:\tnecto\nVmPeak:\t  200 kB\nVmHWM:\t   9216 kB\nVmRSS:\t   8192 kB\nThreads:\t7\n"
	tests := []struct {
		name, field string
		want        int64
		ok          bool
	}{
		{"peak", "VmHWM", 9 << 20, true},
		{"now", "VmRSS", 8 << 20, true},
		{"absent", "VmSwap", 0, false},
		{"not in kB", "Threads", 0, false},
		{"name is a prefix only", "Vm", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := statusBytes([]byte(status), tt.field)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("statusBytes = %d, %v; want %d, ok %t", got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestProcessClockIsTheTimeUsed(t *testing.T) {
	rusage := func() time.Duration {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	for start := rusage(); rusage()-start < 20*time.Millisecond; {
		// use some
	}
	before := rusage()
	got, err := processClock(os.Getpid())
	after := rusage()
	// rusage counts in microseconds and may lag behind the exact clock.
	if err != nil || got < before-time.Millisecond || got > after+10*time.Millisecond {
		t.Errorf("clock = %v, %v; rusage was %v before and %v after", got, err, before, after)
	}
	if _, err := processClock(1 << 22); err == nil {
		t.Error("a process that cannot exist has a clock")
	}
}

func TestStartProcessSaysWhyItDidNot(t *testing.T) {
	never := readyFile(t.TempDir() + "/ready")
	_, err := startProcess(t.Context(), never, "/bin/sh", "-c", "echo out of luck >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "out of luck") || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("error = %v, want its exit status and what it said", err)
	}
}

func TestInterrupt(t *testing.T) {
	tests := []struct {
		name, script string
		ok           bool
	}{
		{"ends well", "trap 'exit 0' INT", true},
		{"ends badly", "trap 'exit 1' INT", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := t.TempDir() + "/ready"
			script := tt.script + `; echo '{"proxy":"http://127.0.0.1:9"}' > ` + file + `.tmp; mv ` + file + `.tmp ` + file + `; while :; do sleep 0.01; done`
			p, err := startProcess(t.Context(), readyFile(file), "/bin/sh", "-c", script)
			if err != nil {
				t.Fatal(err)
			}
			defer p.kill()
			if p.addr() != "127.0.0.1:9" || p.startup <= 0 {
				t.Errorf("addr %q after %v", p.addr(), p.startup)
			}
			if err := p.interrupt(); (err == nil) != tt.ok {
				t.Errorf("interrupt = %v, want ok %t", err, tt.ok)
			}
		})
	}
}

func TestCPUCountsChildren(t *testing.T) {
	file := t.TempDir() + "/ready"
	script := `(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo '{}' > ` + file + `; sleep 60) & wait`
	p, err := startProcess(t.Context(), readyFile(file), "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	all, err := p.cpu()
	if err != nil {
		t.Fatal(err)
	}
	alone, err := processClock(p.pid())
	if err != nil {
		t.Fatal(err)
	}
	if all < 2*alone {
		t.Errorf("%v with the busy child, %v without", all, alone)
	}
}

func TestBusyTime(t *testing.T) {
	got, err := busyTime([]byte("cpu  100 20 30 4000 500 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"))
	if want := 1710 * time.Millisecond; got != want || err != nil {
		t.Errorf("busyTime = %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if _, err := busyTime([]byte(bad)); err == nil {
			t.Errorf("busyTime(%q) is not an error", bad)
		}
	}
}

func TestOthers(t *testing.T) {
	before := clocks{server: 1 * time.Second, harness: 1 * time.Second, machine: 10 * time.Second}
	after := clocks{server: 2 * time.Second, harness: 3 * time.Second, machine: 14 * time.Second}
	if got := after.others(before); got != 1 {
		t.Errorf("others = %v s, want 1", got)
	}
	after.machine = 12 * time.Second
	if got := after.others(before); got != 0 {
		t.Errorf("others below the machine's resolution = %v s, want 0", got)
	}
}
