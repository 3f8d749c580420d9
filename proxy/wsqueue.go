package proxy

import (
	"sync"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// partOverhead is what a frame is counted for besides its bytes, so that many
// empty ones do not go uncounted.
const partOverhead = 512

// wsPart is a frame that was read and not yet passed on.
type wsPart struct {
	header  wsframe.Header
	frame   traffic.Frame
	wire    []byte // as read
	content []byte // unmasked and inflated
}

// wsMessage is what waits for the filter as one: a message, or something that
// only keeps its place between messages.
type wsMessage struct {
	parts      []wsPart
	compressed bool
	lost       bool     // compressed, and cannot be inflated
	plain      bool     // not for the filter to see
	rules      []string // of the filter's verdict
}

func (m *wsMessage) size() int {
	n := 0
	for i := range m.parts {
		n += m.parts[i].size()
	}
	return n
}

func (p *wsPart) size() int { return partOverhead + max(len(p.wire), len(p.content)) }

// wsQueue is what waits to be handled, in order.
type wsQueue struct {
	mu      sync.Mutex // guards the fields below
	changed *sync.Cond
	list    []wsMessage
	bytes   int
	ended   bool
}

// enqueue waits until there is room, and adds m.
func (in *wsInput) enqueue(m wsMessage) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.bytes > maxFiltered {
		in.changed.Wait()
	}
	in.list = append(in.list, m)
	in.bytes += m.size()
	in.changed.Broadcast()
}

// drain waits until everything was handled.
func (in *wsInput) drain() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.list) > 0 {
		in.changed.Wait()
	}
}

// finish says that nothing more will be added.
func (in *wsInput) finish() {
	in.mu.Lock()
	in.ended = true
	in.changed.Broadcast()
	in.mu.Unlock()
}

// work handles what waits, until finish. What is being handled stays in the
// list.
func (in *wsInput) work() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		for len(in.list) == 0 {
			if in.ended {
				return
			}
			in.changed.Wait()
		}
		m := in.list[0]
		in.mu.Unlock()
		in.handle(&m)
		in.mu.Lock()
		in.list[0] = wsMessage{}
		in.list = in.list[1:]
		in.bytes -= m.size()
		in.changed.Broadcast()
	}
}
