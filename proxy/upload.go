package proxy

import (
	"errors"
	"io"
	"time"

	"github.com/necto-dev/necto/internal/h1"
)

// upload sends a request body while the answer is awaited or already coming. A
// nil upload is one that was not needed.
type upload struct {
	body io.Closer // of the request
	conn io.Closer // what it is written to
	done chan struct{}
	err  error // set when done is closed
}

// uploadError is a failure to read the body that is uploaded, mostly the
// client's.
type uploadError struct{ err error }

func (e *uploadError) Error() string { return e.err.Error() }
func (e *uploadError) Unwrap() error { return e.err }

// startUpload runs send, which writes body to conn, in a goroutine. If body
// cannot be read, conn is closed, so that who waits for its answer learns of it.
func startUpload(body, conn io.Closer, send func() error) *upload {
	u := &upload{body: body, conn: conn, done: make(chan struct{})}
	go func() {
		u.err = send()
		var write *h1.WriteError
		broken := u.err != nil && !errors.As(u.err, &write)
		if broken {
			u.err = &uploadError{err: u.err}
		}
		close(u.done)
		if broken {
			_ = conn.Close() // unblocks the reader, who then asks what u.err is
		}
	}()
	return u
}

// failed returns the error of reading that ended the upload, nil if there was
// none so far.
func (u *upload) failed() error {
	if u == nil {
		return nil
	}
	select {
	case <-u.done:
	default:
		return nil
	}
	if source, ok := errors.AsType[*uploadError](u.err); ok {
		return source
	}
	return nil
}

// abort ends the upload without its being complete and returns what failed
// returned before.
func (u *upload) abort() error {
	if u == nil {
		return nil
	}
	select {
	case <-u.done:
		return u.failed()
	default:
		_ = u.conn.Close()
		_ = u.body.Close()
		<-u.done
		return nil
	}
}

// finish is called when the response is over. It reports whether the upload
// was completed, for which it waits a little if the response was complete: an
// answer may overtake the last bytes of the request.
func (u *upload) finish(complete bool) bool {
	if u == nil {
		return true
	}
	if complete {
		timer := time.NewTimer(lingerTime)
		defer timer.Stop()
		select {
		case <-u.done:
			return u.err == nil
		case <-timer.C:
		}
	}
	_ = u.abort()
	return false
}
