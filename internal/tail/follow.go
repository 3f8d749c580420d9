package tail

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// pollInterval is how often a file that grows is looked at.
const pollInterval = 100 * time.Millisecond

// ErrReplaced is returned by a follower when its file has become shorter: another
// recording was begun in it.
var ErrReplaced = errors.New("the recording was replaced by another")

// Follow returns a reader of a file that still grows: at the end it waits for
// more. When ctx is done the end is the end. Read must not be called
// concurrently.
func Follow(ctx context.Context, f *os.File) io.Reader { return &follower{ctx: ctx, f: f} }

// follower holds a context because Read cannot take one.
type follower struct {
	ctx    context.Context
	f      *os.File
	offset int64
}

// Read implements io.Reader.
func (r *follower) Read(p []byte) (int, error) {
	for {
		n, err := r.f.ReadAt(p, r.offset)
		if r.offset += int64(n); n > 0 || err != nil && !errors.Is(err, io.EOF) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		info, err := r.f.Stat()
		if err != nil {
			return 0, err
		}
		if info.Size() < r.offset {
			return 0, ErrReplaced
		}
		select {
		case <-r.ctx.Done():
			return 0, io.EOF
		case <-time.After(pollInterval):
		}
	}
}
