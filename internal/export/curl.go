package export

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// curl writes commands for a POSIX shell.
type curl struct{}

// base64Line is how many bytes of content are in a line of base64 (RFC 2045
// section 6.8).
const base64Line = 57

// The heredoc that has binary content; base64 has no "_".
const contentEnd = "END_OF_CONTENT"

func (curl) begin(w *bufio.Writer) { _, _ = w.WriteString("#!/bin/sh\n") } // Flush has its error

func (curl) end(*bufio.Writer) {}

func (curl) request(w *bufio.Writer, r *request) error {
	if r.err != nil {
		return r.err
	}
	args := append([]string{"curl"}, curlTarget(r)...)
	args = append(args, curlHeader(r)...)
	before := ""
	switch {
	case r.body == nil:
	case r.isText:
		args = append(args, "--data-raw", shellescape.Quote(r.text))
	default:
		before = "base64 --decode <<'" + contentEnd + "' | "
		args = append(args, "--data-binary", "@-")
	}
	_, _ = w.WriteString("\n# " + r.title() + "\n" + before + joinArgs(args) + "\n")
	if before == "" {
		return nil
	}
	return writeBase64(w, r)
}

// joinArgs puts each option on a line of its own, with its value.
func joinArgs(args []string) string {
	var b strings.Builder
	for i, arg := range args {
		switch {
		case i == 0:
		case i > 1 && strings.HasPrefix(arg, "-") && !strings.HasPrefix(args[i-1], "--data"):
			b.WriteString(" \\\n  ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(arg)
	}
	return b.String()
}

// curlTarget returns the arguments that say where to and how. A request-target
// that curl would change, or refuse, is given by itself.
func curlTarget(r *request) []string {
	var args []string
	if r.plainTarget() {
		args = append(args, shellescape.Quote(r.url))
	} else {
		origin := strings.TrimSuffix(r.url, r.target)
		args = append(args, shellescape.Quote(origin+"/"), "--request-target", shellescape.Quote(r.target))
	}
	if strings.Contains(r.target, "/.") {
		args = append(args, "--path-as-is")
	}
	if strings.ContainsAny(r.url, "[]{}") {
		args = append(args, "--globoff")
	}
	switch {
	case r.method == http.MethodHead && r.body == nil:
		return append(args, "--head")
	case r.method == http.MethodGet && r.body == nil, r.method == http.MethodPost && r.body != nil:
		return args
	}
	return append(args, "--request", shellescape.Quote(r.method))
}

// plainTarget reports whether curl sends the target as it is in the URL.
func (r *request) plainTarget() bool {
	if !strings.HasPrefix(r.target, "/") {
		return r.target == ""
	}
	for i := range len(r.target) {
		if c := r.target[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return false
		}
	}
	return true
}

// curlHeader returns the arguments for the fields. curl leaves out a field that is
// "Name:" and sends an empty one for "Name;".
func curlHeader(r *request) []string {
	var args []string
	for _, f := range r.header {
		field := f.Name + ": " + f.Value
		if f.Value == "" {
			field = f.Name + ";"
		}
		args = append(args, "--header", shellescape.Quote(field))
		if f.Is("Accept-Encoding") {
			args = append(args, "--compressed")
		}
	}
	added := []string{"User-Agent", "Accept"}
	if r.body != nil {
		added = append(added, "Content-Type", "Expect")
	}
	for _, name := range added {
		if !r.header.Has(name) {
			args = append(args, "--header", shellescape.Quote(name+":"))
		}
	}
	return args
}

// writeBase64 writes content of any length.
func writeBase64(w *bufio.Writer, r *request) error {
	content, err := r.open()
	if err != nil {
		return err
	}
	defer content.Close()
	piece := make([]byte, base64Line)
	var line []byte
	for {
		n, err := io.ReadFull(content, piece)
		if n > 0 {
			line = base64.StdEncoding.AppendEncode(line[:0], piece[:n])
			_, _ = w.Write(append(line, '\n'))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	_, _ = w.WriteString(contentEnd + "\n")
	return nil
}
