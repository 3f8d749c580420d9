package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// output is where lines go. After a write that failed it ends with a whole line
// if that is possible at all.
type output struct {
	w io.Writer
	// file is w if it is a regular file, which can be cut and synced; size is
	// its length in bytes.
	file *os.File
	size int64
	// sink is w if it is one, nil otherwise.
	sink Sink
	// close closes w, nil if it is not ours.
	close func() error
}

// write writes whole lines.
func (o *output) write(lines []byte) error {
	n, err := o.w.Write(lines)
	if err == nil {
		o.size += int64(n)
		return nil
	}
	if o.file != nil {
		o.size += int64(bytes.LastIndexByte(lines[:n], '\n') + 1)
		err = errors.Join(err, o.file.Truncate(o.size))
	}
	return fmt.Errorf("write recording: %w", err)
}

// cut shortens the output to size bytes and goes on there.
func (o *output) cut(size int64) error {
	if err := o.file.Truncate(size); err != nil {
		return err
	}
	o.size = size
	_, err := o.file.Seek(size, io.SeekStart)
	return err
}

// finish makes what was written durable and closes the output.
func (o *output) finish() error {
	var err error
	if o.file != nil {
		err = o.file.Sync()
	}
	if o.close != nil {
		err = errors.Join(err, o.close())
	}
	if err != nil {
		return fmt.Errorf("close recording: %w", err)
	}
	return nil
}

// openOutput opens path for a new recording, or for the continuation of the one
// that is there.
func openOutput(path string, o Options) (*output, error) {
	if path == "-" {
		return &output{w: os.Stdout}, nil
	}
	// Not os.O_APPEND, which denies truncation on Windows, and not os.O_TRUNC,
	// which would ask too late whether there is content.
	flags := os.O_RDWR | os.O_CREATE
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		// A pipe that we could read ourselves would block when nobody else does.
		flags = os.O_WRONLY
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	out := &output{w: f, close: f.Close}
	if err := out.prepare(f, o); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if strings.HasSuffix(path, harName) {
		if err := out.becomeHAR(f, o); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return out, nil
}

// prepare makes a regular file private, and empty unless it goes on.
func (o *output) prepare(f *os.File, opts Options) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if info.Size() > 0 && !opts.Force && !opts.Append {
		return ErrExists
	}
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	o.file = f
	if opts.Append {
		o.size = info.Size()
		return nil
	}
	return f.Truncate(0)
}
