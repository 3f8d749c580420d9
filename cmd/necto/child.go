package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// childGrace is how long a command may take to end once it was told to.
const childGrace = 5 * time.Second

// child is a command that necto runs. It shares necto's process group, so that
// job control works as if necto were not there.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// findCommand reports why a command cannot be run, as far as that can be told
// without running it.
func findCommand(command []string) error {
	if len(command) == 0 {
		return nil
	}
	_, err := exec.LookPath(command[0])
	return startError(command[0], err)
}

// startError gives an error about a command the exit code that shells use.
func startError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &exitError{code: exitNotFound, err: fmt.Errorf("command %q: not found", name)}
	default:
		return &exitError{code: exitNotRunnable, err: fmt.Errorf("command %q: %w", name, err)}
	}
}

// startChild starts a command on necto's standard streams.
func startChild(io stdio, command, environ []string) (*child, error) {
	// Not CommandContext: how the command ends is the serveLoop's business.
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // see above
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.in, io.out, io.err
	cmd.Env = environ
	if err := cmd.Start(); err != nil {
		return nil, startError(command[0], err)
	}
	c := &child{cmd: cmd, ended: make(chan struct{})}
	go c.wait()
	return c, nil
}

func (c *child) wait() {
	_ = c.cmd.Wait() // code tells how it ended
	close(c.ended)
}

// code returns the exit code, 128+n if signal n ended the command. The command
// has to have ended.
func (c *child) code() int {
	return exitCode(c.cmd.ProcessState)
}

// signal passes a signal on. A command that has just ended does not need it.
func (c *child) signal(sig os.Signal) {
	_ = sendSignal(c.cmd.Process, sig)
}

// terminate asks the command to end and does not take no for an answer.
func (c *child) terminate() {
	_ = sendSignal(c.cmd.Process, terminateSignal)
	go c.killUnlessEnded(childGrace)
}

func (c *child) killUnlessEnded(grace time.Duration) {
	select {
	case <-c.ended:
	case <-time.After(grace):
		c.kill()
	}
}

// kill ends the command at once.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails if it has ended
}
