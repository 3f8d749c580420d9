package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/necto-dev/necto/internal/tail"
)

// stdio is the outside of a command: standard output is for data alone,
// everything said to the user goes to standard error.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// systemIO returns the standard streams of this process.
func systemIO() stdio {
	return stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}
}

// note tells the user something, on a line of its own.
func (s stdio) note(format string, args ...any) {
	fmt.Fprintln(s.err, "necto: "+oneLine(fmt.Sprintf(format, args...)))
}

// live reports whether a line on standard error can be redrawn.
func (s stdio) live() bool {
	f, ok := s.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

var lineEnds = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")

// oneLine makes text from anywhere safe to print as one line: line ends become
// spaces, and what means something to a terminal is escaped.
func oneLine(s string) string { return tail.Safe(lineEnds.Replace(strings.TrimSpace(s))) }
