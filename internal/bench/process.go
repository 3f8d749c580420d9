//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of starting and stopping a server.
const (
	startLimit = 15 * time.Second
	stopLimit  = 30 * time.Second
	readyPoll  = 100 * time.Microsecond
)

// ready is what a server says of itself in its ready file once it listens;
// the field names are necto's.
type ready struct {
	PID    int    `json:"pid"`
	Proxy  string `json:"proxy"`
	Events string `json:"events,omitempty"`
	CA     string `json:"ca,omitempty"`
}

// addr is the host:port of the proxy's URL.
func (r ready) addr() string { return strings.TrimPrefix(r.Proxy, "http://") }

// eventsAddr is the host:port of the event server's URL.
func (r ready) eventsAddr() string { return strings.TrimPrefix(r.Events, "http://") }

// writeReady renames r into place, so that whoever waits for the file never
// sees half of it.
func writeReady(name string, r ready) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// A process is a server under measurement, or one that helps to measure.
type process struct {
	ready
	// startup is the time from just before the fork until the ready file was
	// seen.
	startup time.Duration

	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{} // closed when the process has been reaped
	err    error         // what Wait returned; read after done
}

// A probe asks whether a server listens by now; an error means not yet.
type probe func() (ready, error)

// readyFile probes for a ready file of that name. The name must be new.
func readyFile(name string) probe {
	return func() (r ready, err error) {
		b, err := os.ReadFile(name)
		if err != nil {
			return r, err
		}
		return r, json.Unmarshal(b, &r)
	}
}

// startProcess runs argv and waits until listens finds it ready. The process
// dies with the caller.
func startProcess(ctx context.Context, listens probe, argv ...string) (*process, error) {
	// The end of ctx does not end the process: its owner does, in order.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), argv[0], argv[1:]...)
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	// A group of its own keeps a Ctrl-C at the terminal from reaching it: it
	// is stopped in order by the caller.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.awaitReady(ctx, listens, began); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	return p, nil
}

func (p *process) awaitReady(ctx context.Context, listens probe, began time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		var err error
		if p.ready, err = listens(); err == nil {
			p.startup = time.Since(began)
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended: %w: %s", p.err, bytes.TrimSpace(p.stderr.Bytes()))
		case <-ctx.Done():
			return fmt.Errorf("%w, the last probe said: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// pid is the process that was forked. It is not taken from the ready file, so
// that a stale file cannot make another process the measured one.
func (p *process) pid() int { return p.cmd.Process.Pid }

// interrupt asks the process to end and reports how it did; nil means with
// exit code 0.
func (p *process) interrupt() error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		p.kill()
		return errors.New("did not stop when interrupted")
	}
	if p.err != nil {
		return fmt.Errorf("after an interrupt: %w: %s", p.err, bytes.TrimSpace(p.stderr.Bytes()))
	}
	return nil
}

// kill ends the process without asking, and its children with it. It may be
// called again, and after the process has ended.
func (p *process) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	// The group is ours: Setpgid made the process its leader, and it has not
	// been reaped yet.
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.done
}

// cpu returns the processor time the process and its children have used so
// far, user and system, on all processors, to the nanosecond.
func (p *process) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range family(p.pid()) {
		d, err := processClock(pid)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// rss returns the resident memory of the process and its children in bytes,
// and the most there has been.
func (p *process) rss() (now, peak int64, err error) {
	for _, pid := range family(p.pid()) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, 0, err
		}
		n, err := statusBytes(b, "VmRSS")
		if err != nil {
			return 0, 0, err
		}
		hw, err := statusBytes(b, "VmHWM")
		if err != nil {
			return 0, 0, err
		}
		now, peak = now+n, peak+hw
	}
	return now, peak, nil
}

// family lists pid and its direct children: nginx serves from those.
func family(pid int) []int {
	pids := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range tasks {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for f := range strings.FieldsSeq(string(b)) {
			if child, err := strconv.Atoi(f); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// processClock reads the CPU clock of a process, see clock_getcpuclockid(3):
// the id of that clock is the complement of the pid, shifted over three bits
// of which CPUCLOCK_SCHED (2) selects the scheduler's exact count. /proc/pid/stat
// gives the same sum in steps of 10 ms, too coarse for a window of a second.
func processClock(pid int) (time.Duration, error) {
	const cpuclockSched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// statusBytes returns a kB field of /proc/pid/status in bytes.
func statusBytes(status []byte, field string) (int64, error) {
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) != field {
			continue
		}
		kb, ok := bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		if !ok {
			break
		}
		n, err := strconv.ParseInt(string(kb), 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("status of the process has no %s in kB", field)
}

// busyTime returns the time that all processors together have not been idle,
// from the first line of /proc/stat: user, nice, system, idle, iowait, irq,
// softirq and steal in hundredths of a second.
func busyTime(stat []byte) (time.Duration, error) {
	const idle, iowait, last = 4, 5, 8
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) <= last || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var ticks int64
	for i := 1; i <= last; i++ {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != idle && i != iowait {
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
