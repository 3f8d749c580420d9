package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// memoryLimit is how much of a body stays in memory before it moves to a file.
const memoryLimit = 256 << 10

// maxChunks bounds the arrival times kept of one body; what comes after counts
// as one piece with the last.
const maxChunks = 4096

// Chunk is a piece of a streamed body as it arrived.
type Chunk struct {
	// At is the time since the exchange started, monotonic.
	At time.Duration
	// Size is in bytes, transfer coding undone, content coding kept.
	Size int64
}

// Body is captured content: transfer coding undone, content coding kept. It
// stays in memory up to 256 KiB and then moves to a temporary file that has no
// name (on Windows, one that is removed when it is closed). Only a [StoredBody],
// which comes from a recording, may have its content coding undone: see
// [Body.Decoded].
//
// One goroutine writes; from when it hands the Body on, in an event, nothing is
// written any more and anyone may read. A Body begins with one reference, its creator's; Keep takes one more, Release
// gives one back, and the last Release frees the file. A Body that never
// outgrew memory needs neither.
type Body struct {
	limit  int64
	size   int64
	kept   int64
	mem    []byte
	file   *os.File
	chunks []Chunk
	err    error
	stored *storedBody // nil for what was captured in this run
	refs   atomic.Int32
}

// NewBody returns an empty Body that keeps at most limit bytes; 0 keeps none,
// -1 has no limit.
func NewBody(limit int64) *Body {
	b := new(Body)
	b.Init(limit)
	return b
}

// Init makes a Body that is part of something else what NewBody returns. It is
// called once, before anything else.
func (b *Body) Init(limit int64) {
	b.limit = limit
	b.refs.Store(1)
}

// BodyOf returns a sealed Body that holds p, which it keeps.
func BodyOf(p []byte) *Body {
	b := NewBody(-1)
	b.mem, b.size, b.kept = p, int64(len(p)), int64(len(p))
	return b
}

// Expect tells how many bytes will come, so that memory is taken once.
func (b *Body) Expect(n int64) {
	if n > 0 && b.mem == nil {
		b.mem = make([]byte, 0, min(n, memoryLimit, b.room(n)))
	}
}

// Append adds p, of which it keeps a copy up to the limit. It never fails: what
// cannot be kept is counted, and Err says why.
func (b *Body) Append(p []byte) {
	b.size += int64(len(p))
	p = p[:b.room(int64(len(p)))]
	if len(p) == 0 || b.err != nil {
		return
	}
	if b.file == nil && b.kept+int64(len(p)) > memoryLimit {
		b.spill()
	}
	if b.file != nil && b.err == nil {
		if _, err := b.file.Write(p); err != nil {
			b.err = fmt.Errorf("keep body: %w", err)
			return
		}
	} else if b.err == nil {
		b.mem = append(b.mem, p...)
	}
	b.kept += int64(len(p))
}

// Skip counts n bytes that passed without being kept.
func (b *Body) Skip(n int64) { b.size += n }

// Full reports whether nothing more will be kept, so that the writer may use
// Skip.
func (b *Body) Full() bool { return b.room(1) == 0 || b.err != nil }

// Mark notes that n bytes arrived at a time since the exchange began.
func (b *Body) Mark(at time.Duration, n int) {
	if len(b.chunks) == maxChunks {
		b.chunks[maxChunks-1].Size += int64(n)
		return
	}
	b.chunks = append(b.chunks, Chunk{At: at, Size: int64(n)})
}

// room returns how many of n further bytes may be kept.
func (b *Body) room(n int64) int64 {
	if b.limit < 0 {
		return n
	}
	return max(0, min(n, b.limit-b.kept))
}

// spill moves what is kept to a file; where that fails it stays in memory.
func (b *Body) spill() {
	f, err := createUnnamed()
	if err != nil {
		b.err = fmt.Errorf("keep body: %w", err)
		return
	}
	if _, err := f.Write(b.mem); err != nil {
		b.err = errors.Join(fmt.Errorf("keep body: %w", err), removeUnnamed(f))
		return
	}
	b.file, b.mem = f, nil
}

// Size returns how many bytes passed, content coding kept.
func (b *Body) Size() int64 { return b.size }

// Truncated reports whether fewer bytes were kept than passed.
func (b *Body) Truncated() bool {
	return b.kept < b.size || b.stored != nil && b.stored.Truncated
}

// Err returns why bytes within the limit could not be kept, nil if they were.
func (b *Body) Err() error { return b.err }

// Chunks returns when which bytes arrived, nil if that was not noted or if all
// came at once.
func (b *Body) Chunks() []Chunk {
	if len(b.chunks) < 2 {
		return nil
	}
	return b.chunks
}

// Bytes returns the kept content if it is in memory, which the caller must not
// change, and false if it is in a file or elsewhere.
func (b *Body) Bytes() ([]byte, bool) { return b.mem, b.file == nil && !b.elsewhere() }

// Open returns a reader over the kept content. Readers are independent of each
// other and valid until the last Release. Those of a StoredBody return the error
// of opening it, if there is one.
func (b *Body) Open() io.Reader {
	switch {
	case b.stored != nil:
		return b.stored.reader()
	case b.file != nil:
		return io.NewSectionReader(b.file, 0, b.kept)
	}
	return bytes.NewReader(b.mem)
}

// Keep takes a reference.
func (b *Body) Keep() { b.refs.Add(1) }

// Release gives a reference back. It may be called on a nil Body.
func (b *Body) Release() {
	if b == nil || b.refs.Add(-1) != 0 {
		return
	}
	if b.file != nil {
		_ = removeUnnamed(b.file) // nothing was promised of a temporary file
	}
	if b.stored != nil {
		b.stored.close()
	}
}
