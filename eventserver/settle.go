package eventserver

import (
	"runtime/debug"
	"sync"
	"time"
)

// When memory is given back: so many clients have come, and then none for a while.
const (
	settleClients = 100
	settleTime    = 500 * time.Millisecond
)

// settler gives memory back to the system when many clients have come. A handshake
// leaves twice as much garbage as it takes memory for the client. In a process that
// only waits from then on nothing else would collect that for minutes, and after that
// it would be kept for a heap that is not going to grow.
type settler struct {
	mu    sync.Mutex // guards came
	came  int        // since memory was given back
	timer *time.Timer
}

func newSettler() *settler {
	s := new(settler)
	s.timer = time.AfterFunc(time.Hour, s.settle)
	s.timer.Stop()
	return s
}

// add notes that a client has come.
func (s *settler) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.came++; s.came >= settleClients {
		s.timer.Reset(settleTime)
	}
}

func (s *settler) settle() {
	s.mu.Lock()
	s.came = 0
	s.mu.Unlock()
	debug.FreeOSMemory()
}

// stop lets no memory be given back any more.
func (s *settler) stop() { s.timer.Stop() }
