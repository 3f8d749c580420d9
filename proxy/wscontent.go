package proxy

import (
	"crypto/sha256"
	"hash"
	"sync"
)

const (
	// maxFrame is how much of a frame's content is kept, whatever Options.MaxBody
	// allows: a frame's payload, unlike a body, is in memory as a whole.
	maxFrame = 16 << 20
	// maxReuse is how large a buffer for content may be to be used again.
	maxReuse = 1 << 20
)

// frameContent keeps the beginning of a frame's content, and hashes all of it if
// there is more than that.
type frameContent struct {
	limit int64
	kept  []byte
	size  int64
	hash  hash.Hash // nil until content was first cut
	sum   [sha256.Size]byte
}

var frameContents = sync.Pool{New: func() any { return new(frameContent) }}

// newFrameContent returns an empty frameContent that keeps at most limit bytes,
// maxFrame for -1. It must be released.
func newFrameContent(limit int64) *frameContent {
	c := frameContents.Get().(*frameContent)
	if limit < 0 || limit > maxFrame {
		limit = maxFrame
	}
	c.limit, c.size, c.kept = limit, 0, c.kept[:0]
	return c
}

// add takes the next piece of content, of which it keeps a copy.
func (c *frameContent) add(p []byte) {
	room := c.limit - min(c.size, c.limit)
	cut := c.size > c.limit
	c.size += int64(len(p))
	if c.size <= c.limit {
		c.kept = append(c.kept, p...)
		return
	}
	if !cut {
		c.kept = append(c.kept, p[:room]...)
		p = p[room:]
		c.beginHash()
	}
	_, _ = c.hash.Write(p) // a hash never fails
}

// beginHash hashes what was kept.
func (c *frameContent) beginHash() {
	if c.hash == nil {
		c.hash = sha256.New()
	}
	c.hash.Reset()
	_, _ = c.hash.Write(c.kept)
}

// bytes returns what was kept, and the hash of all if that is less, else nil.
// Both are valid until the release.
func (c *frameContent) bytes() (kept, sum []byte) {
	if c.size <= c.limit {
		return c.kept, nil
	}
	return c.kept, c.hash.Sum(c.sum[:0])
}

// release makes c ready for another frame.
func (c *frameContent) release() {
	if cap(c.kept) <= maxReuse {
		frameContents.Put(c)
	}
}
