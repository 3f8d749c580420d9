package main

import "os"

// terminateSignal ends a command: Windows has no way to ask for that.
var terminateSignal = os.Kill

// sendSignal ends the process whatever the signal is: Windows can send no
// other.
func sendSignal(p *os.Process, _ os.Signal) error { return p.Kill() }

func exitCode(state *os.ProcessState) int { return state.ExitCode() }

// terminalSends reports whether sig is a Ctrl-C in the console, which every
// process attached to it gets.
func terminalSends(sig os.Signal) bool { return sig == os.Interrupt }
