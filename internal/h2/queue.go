package h2

import "sync"

// chunkSizes are the sizes of the buffers that a queue is made of: a short
// message does not take as much as a frame may have.
var chunkSizes = [...]int{1 << 10, 4 << 10, 16 << 10}

// chunks has buffers to use again, one pool for each of chunkSizes.
var chunks [len(chunkSizes)]sync.Pool

// chunk is a buffer of a queue: buf[from:to] has content.
type chunk struct {
	next     *chunk
	tier     int // of chunkSizes
	from, to int
	buf      []byte
}

// newChunk returns an empty chunk for n bytes, or of the largest size.
func newChunk(n int) *chunk {
	tier := 0
	for tier < len(chunkSizes)-1 && chunkSizes[tier] < n {
		tier++
	}
	if k, ok := chunks[tier].Get().(*chunk); ok {
		return k
	}
	return &chunk{tier: tier, buf: make([]byte, chunkSizes[tier])}
}

// free lets k be used again.
func (k *chunk) free() {
	k.next, k.from, k.to = nil, 0, 0
	chunks[k.tier].Put(k)
}

// queue is content that has arrived and was not read, in buffers that are given
// back as they are drained. The zero queue is empty.
type queue struct {
	first, last *chunk
	size        int
}

// write appends a copy of p.
func (q *queue) write(p []byte) {
	q.size += len(p)
	for len(p) > 0 {
		if q.last == nil || q.last.to == len(q.last.buf) {
			q.grow(len(p))
		}
		n := copy(q.last.buf[q.last.to:], p)
		q.last.to += n
		p = p[n:]
	}
}

// grow appends a chunk for n bytes. Who has filled one already gets a large one,
// so that content that comes in small pieces does not take many.
func (q *queue) grow(n int) {
	if q.last == nil {
		q.last = newChunk(n)
		q.first = q.last
		return
	}
	q.last.next = newChunk(chunkSizes[len(chunkSizes)-1])
	q.last = q.last.next
}

// read moves content into p.
func (q *queue) read(p []byte) int {
	total := 0
	for len(p) > 0 && q.first != nil {
		k := q.first
		n := copy(p, k.buf[k.from:k.to])
		k.from += n
		p = p[n:]
		total += n
		if k.from == k.to {
			q.shift()
		}
	}
	q.size -= total
	return total
}

// shift takes the first chunk away.
func (q *queue) shift() {
	k := q.first
	if q.first = k.next; q.first == nil {
		q.last = nil
	}
	k.free()
}

// drop empties the queue and returns how many bytes it had.
func (q *queue) drop() int {
	size := q.size
	for q.first != nil {
		q.shift()
	}
	q.size = 0
	return size
}
