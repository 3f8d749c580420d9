package tail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"
)

const (
	// pollInterval is how often a file that grows is looked at.
	pollInterval = 100 * time.Millisecond
	// headSize is how much of its beginning a recording is known by. Its first
	// line has the number of its session there.
	headSize = 128
)

// errReplaced is returned by a follower when there is another recording under its
// path: the file was cut and written anew, or another took its place.
var errReplaced = errors.New("the recording was replaced by another")

// follower reads a file that still grows: at the end it waits for more. When ctx
// is done the end is the end.
type follower struct {
	ctx    context.Context // a field because Read cannot take one
	path   string
	file   *os.File
	idle   func() error // called before it waits
	offset int64
	head   []byte // what the file began with, up to headSize bytes
}

// Read implements io.Reader. What the old file still had is read before
// errReplaced is returned.
func (r *follower) Read(p []byte) (int, error) {
	for {
		n, err := r.file.ReadAt(p, r.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if n > 0 {
			r.read(p[:n])
			return n, nil
		}
		if err := r.idle(); err != nil {
			return 0, err
		}
		select {
		case <-r.ctx.Done():
			return 0, io.EOF
		case <-time.After(pollInterval):
		}
		if err := r.check(); err != nil {
			return 0, err
		}
	}
}

// read notes that p was read.
func (r *follower) read(p []byte) {
	if room := headSize - len(r.head); room > 0 && r.offset == int64(len(r.head)) {
		r.head = append(r.head, p[:min(len(p), room)]...)
	}
	r.offset += int64(len(p))
}

// check returns errReplaced if what comes next is of another recording.
func (r *follower) check() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < r.offset {
		return errReplaced
	}
	if info.Size() > r.offset {
		head := make([]byte, len(r.head))
		if _, err := r.file.ReadAt(head, 0); err != nil || !bytes.Equal(head, r.head) {
			return errReplaced
		}
		return nil
	}
	// A path that leads nowhere is one that has not been written anew yet.
	if there, err := os.Stat(r.path); err == nil && !os.SameFile(info, there) {
		return errReplaced
	}
	return nil
}
