package rules

import (
	"fmt"
	"strings"
)

// Position is a place in a rules file. The zero value is no place.
type Position struct {
	// File is the path as it was given.
	File string
	// Line and Column count from 1, Column in bytes.
	Line, Column int
}

// String returns file:line:column, as compilers print it.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong with a rules file.
type Problem struct {
	At Position
	// In names the rule or breakpoint, as `rule "slow"`; "" outside of them.
	In string
	// Text says what is wrong, and where possible what would be right.
	Text string
}

// String returns the problem on one line, its position first.
func (p Problem) String() string {
	where := p.At.String() + ": "
	if p.In != "" {
		where += p.In + ": "
	}
	return where + p.Text
}

// maxProblems is how many problems are told of one load. Further ones are mostly
// echoes.
const maxProblems = 20

// LoadError is everything that is wrong with rules files.
type LoadError struct {
	// Problems are in the order of the files, at least one and at most 20.
	Problems []Problem
	// More counts the problems that were found beyond those.
	More int
}

// Error returns the problems, a line each.
func (e *LoadError) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// add adds a problem, up to the limit.
func (e *LoadError) add(p Problem) {
	if len(e.Problems) == maxProblems {
		e.More++
		return
	}
	e.Problems = append(e.Problems, p)
}
