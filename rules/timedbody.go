package rules

import (
	"context"
	"io"
	"time"
)

// timedPiece is a part of content, and the time from the one before it.
type timedPiece struct {
	after time.Duration
	text  string
}

// timedBody is a body whose pieces come when their time has. It is read by one
// goroutine.
type timedBody struct {
	ctx    context.Context // of the exchange, with which it ends
	pieces []timedPiece    // those to come
	rest   string          // of the piece that is being read
}

// Read waits for the next piece.
func (b *timedBody) Read(p []byte) (int, error) {
	for b.rest == "" {
		if len(b.pieces) == 0 {
			return 0, io.EOF
		}
		next := b.pieces[0]
		if err := sleep(b.ctx, next.after); err != nil {
			return 0, err
		}
		b.pieces, b.rest = b.pieces[1:], next.text
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close ends the stream.
func (b *timedBody) Close() error {
	b.pieces, b.rest = nil, ""
	return nil
}
