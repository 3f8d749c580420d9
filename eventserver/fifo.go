package eventserver

import (
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// fifo is a queue. The zero value is empty.
type fifo struct {
	queue []*kept
	head  int // what is before it has left
}

func (q *fifo) len() int { return len(q.queue) - q.head }

func (q *fifo) all() []*kept { return q.queue[q.head:] }

// push adds what comes last. Memory of what has left is used again once that is half
// of it.
func (q *fifo) push(k *kept) {
	if q.head > len(q.queue)/2 && len(q.queue) == cap(q.queue) {
		n := copy(q.queue, q.queue[q.head:])
		clear(q.queue[n:])
		q.queue, q.head = q.queue[:n], 0
	}
	q.queue = append(q.queue, k)
}

// pop removes and returns what comes first, which there has to be.
func (q *fifo) pop() *kept {
	k := q.queue[q.head]
	q.queue[q.head] = nil
	q.head++
	return k
}

// find returns an exchange, nil if it is not there. The latest are found first.
func (q *fifo) find(id traffic.ExchangeID) *kept {
	for _, k := range slices.Backward(q.all()) {
		if k.x.ID == id {
			return k
		}
	}
	return nil
}
