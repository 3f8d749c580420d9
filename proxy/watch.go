package proxy

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// watchAfter is how long an answer may take before somebody watches whether
	// the client is still there. Most answers are faster, and cost nothing.
	watchAfter = 20 * time.Millisecond
	// maxReadAhead is how much of further requests a watcher buffers.
	maxReadAhead = 32 << 10
)

// watcher notices that a client leaves while its answer is awaited: it reads
// ahead into the connection's buffer, in a goroutine that starts only when the
// answer is slow, and cancels the connection when reading fails.
type watcher struct {
	c     *clientConn
	timer *time.Timer

	mu    sync.Mutex // guards armed and done
	armed bool
	done  chan struct{} // closed when the running goroutine has ended; nil for none
}

// start begins the watch. Until stop returns nobody else may read from the
// client.
func (w *watcher) start() {
	w.mu.Lock()
	w.armed = true
	w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, w.run)
		return
	}
	w.timer.Reset(watchAfter)
}

// stop ends the watch and waits for its goroutine.
func (w *watcher) stop() {
	if w.timer == nil {
		return
	}
	w.timer.Stop()
	w.mu.Lock()
	w.armed = false
	done := w.done
	w.mu.Unlock()
	if done == nil {
		return
	}
	w.c.setDeadline(time.Now())
	<-done
	w.c.noDeadline()
	w.mu.Lock()
	w.done = nil
	w.mu.Unlock()
}

func (w *watcher) run() {
	w.mu.Lock()
	if !w.armed {
		w.mu.Unlock()
		return
	}
	w.armed = false
	done := make(chan struct{})
	w.done = done
	w.c.noDeadline()
	w.mu.Unlock()
	defer close(done)
	for len(w.c.r.Buffered()) < maxReadAhead {
		err := w.c.r.Fill()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			w.c.cancel(errClientGone)
			return
		}
	}
}
