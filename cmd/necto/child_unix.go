//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminateSignal asks a command to end.
const terminateSignal = syscall.SIGTERM

func sendSignal(p *os.Process, sig os.Signal) error { return p.Signal(sig) }

// exitCode returns what a shell calls the exit status.
func exitCode(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// terminalSends reports whether sig is a Ctrl-C on the terminal, which sends it
// to the whole process group that is in the foreground. A signal alone does not
// say where it comes from; an interrupt while in the foreground of a terminal is
// taken for one.
func terminalSends(sig os.Signal) bool {
	if sig != os.Interrupt {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
