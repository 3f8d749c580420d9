package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"github.com/necto-dev/necto/har"
)

// harOutput is the Sink of a HAR that is recorded: content too long for a line lies
// in a scratch folder until its entry is written.
type harOutput struct {
	sink *harSink
	// scratch goes with Close. Of the File that reads it there are only the bodies.
	scratch string
	bodies  *File
	// used says that there is content in the folder.
	used bool
}

// harName ends the name of a HAR.
const harName = ".har"

// becomeHAR makes a HAR of what is written to f, which is new.
func (o *output) becomeHAR(f *os.File, opts Options) error {
	if o.file == nil {
		return errors.New("a HAR is written to a regular file")
	}
	if opts.Append {
		return errors.New("a HAR cannot be continued: append to a .jsonl file")
	}
	scratch, err := os.MkdirTemp("", "necto-har-")
	if err != nil {
		return err
	}
	w, err := har.NewFileWriter(f, har.Options{Version: opts.ToolVersion, Profile: opts.HARProfile})
	if err != nil {
		return errors.Join(err, os.RemoveAll(scratch))
	}
	bodies := &File{path: f.Name(), folder: filepath.Join(scratch, "bodies")}
	out := &harOutput{sink: newHARSink(w, opts.HARProfile, bodies.OpenBody), scratch: scratch, bodies: bodies}
	o.w, o.file, o.sink, o.close = out, nil, out, out.Close
	return nil
}

// Bodies returns the folder that content goes to.
func (o *harOutput) Bodies() string { return o.bodies.folder }

// Write takes whole lines.
func (o *harOutput) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if err := o.sink.line(line); err != nil {
			return 0, err
		}
		o.used = o.used || mentionsSidecar(line)
	}
	return len(lines), o.clear()
}

// clear removes content that is in the HAR by now.
func (o *harOutput) clear() error {
	if !o.used {
		return nil
	}
	waiting := o.sink.waiting()
	o.used = len(waiting) > 0
	return prune(o.bodies.folder, waiting)
}

// Close ends the HAR.
func (o *harOutput) Close() error {
	return errors.Join(o.sink.finish(), o.bodies.closeBodies(), os.RemoveAll(o.scratch))
}

// waiting returns the names of the sidecars that lines refer to which are not
// written.
func (s *harSink) waiting() map[string]bool {
	var names map[string]bool
	for _, line := range s.pending {
		addSidecars(&names, line)
	}
	for _, socket := range s.sockets {
		addSidecars(&names, socket.line)
		for name := range socket.sidecars {
			addName(&names, name)
		}
	}
	return names
}

// sidecarMember begins a member that has the name of a sidecar. Inside a string its
// quotes would be escaped.
const sidecarMember = `"file":"`

func mentionsSidecar(line []byte) bool { return bytes.Contains(line, []byte(sidecarMember)) }

// addSidecars adds the names of the sidecars that a line refers to.
func addSidecars(names *map[string]bool, line []byte) {
	for {
		_, rest, found := bytes.Cut(line, []byte(sidecarMember))
		if !found {
			return
		}
		name, rest, _ := bytes.Cut(rest, []byte(`"`))
		addName(names, string(name))
		line = rest
	}
}

func addName(names *map[string]bool, name string) {
	if *names == nil {
		*names = map[string]bool{}
	}
	(*names)[name] = true
}
