package ports

import "sync"

// emitter tells events one at a time, in the order in which they were added, outside
// of the locks under which that was done.
type emitter struct {
	tell func(Event)

	mu      sync.Mutex // guards the fields below
	queue   []Event
	telling bool
}

// add adds an event, which flush tells. It may be called under locks.
func (e *emitter) add(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, event)
}

// flush tells what was added, unless another goroutine is about to. It is called
// without locks.
func (e *emitter) flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.telling {
		return
	}
	e.telling = true
	for len(e.queue) > 0 {
		event := e.queue[0]
		e.queue = e.queue[1:]
		e.mu.Unlock()
		e.tell(event)
		e.mu.Lock()
	}
	e.telling = false
}
