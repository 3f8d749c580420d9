package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Error is what makes a text something else than one document.
type Error struct {
	// Line and Column are where it is, from 1. Of syntax go-yaml tells the line at
	// most; what it does not tell is 1.
	Line, Column int
	// Text says what is wrong, for the user.
	Text string
}

// Error returns the position and the text.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text) }

// Parse returns the content of the only document in text, nil if there is none. If
// what follows that document is wrong, its content comes along with the error, so
// that all that is wrong can be told at once.
func Parse(text []byte) (*yaml.Node, *Error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	if err := decode(dec, &first); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(err)
	}
	content := first.Content[0]
	if err := decode(dec, &second); err == nil {
		return content, &Error{Line: second.Line, Column: second.Column, Text: "there is a second document"}
	} else if !errors.Is(err, io.EOF) {
		return content, syntaxError(err)
	}
	return content, nil
}

// decode parses the next document. What go-yaml v3.0.1 trips over, as it has over
// comments and anchors in text that is no YAML, is an error like others.
func decode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return dec.Decode(n)
}

var linePrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError takes the line out of an error of go-yaml.
func syntaxError(err error) *Error {
	e := &Error{Line: 1, Column: 1, Text: err.Error()}
	if m := linePrefix.FindStringSubmatch(e.Text); m != nil {
		e.Text = e.Text[len(m[0]):]
		if line, err := strconv.Atoi(m[1]); err == nil {
			e.Line = line
		}
	}
	return e
}
