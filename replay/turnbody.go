package replay

import (
	"context"
	"io"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// conversing is a live call that is answered turn by turn, as a body: who reads
// the server's messages waits for the client's where they have to come first, so
// that no goroutine is needed. It keeps the context of the exchange, whose end
// ends the waiting.
type conversing struct {
	ctx    context.Context
	x      *Index
	req    *traffic.Request
	client *caller
	candidates
	anywhere bool

	call   *call // that is replayed now
	answer *answer
	resp   *traffic.Response
	source io.ReadCloser // the recorded content of call, nil before it is needed
	left   int64         // bytes of the message that is being sent
	offset int64         // bytes of the messages that were sent
	before time.Time     // when what came before the next step was
	err    error         // that ends it
}

// choose makes call the one that is replayed.
func (b *conversing) choose(call *call) error {
	if b.call == call {
		return nil
	}
	answer, err := b.x.prepared(call.number)
	if err != nil {
		return err
	}
	if b.call != nil {
		b.call.claimed.Store(false)
	}
	call.claimed.Store(true)
	b.call, b.answer = call, answer
	source := b.source
	b.source = nil
	if source != nil {
		return source.Close()
	}
	return nil
}

// Read returns the messages of the server, each when it is due.
func (b *conversing) Read(p []byte) (int, error) {
	for b.left == 0 && b.err == nil {
		b.err = b.step()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.source.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && (b.left > 0 || err != io.EOF) {
		b.err = recordingFailure(err)
		return n, b.err
	}
	return n, nil
}

// Close ends the call. It does not close the request.
func (b *conversing) Close() error {
	if b.source == nil {
		return nil
	}
	return b.source.Close()
}

// step takes the next step of the call once it is due. The error is io.EOF for the
// end.
func (b *conversing) step() error {
	for {
		if call := b.due(b.client, b.call); call != nil {
			return b.take(call)
		}
		if b.client.ended || len(b.calls) == 0 {
			return b.diverged()
		}
		if err := b.client.hear(); err != nil {
			return err
		}
		b.before = time.Now()
		b.heard(b.client)
	}
}

// take waits for the time of the next step of a call, and takes it.
func (b *conversing) take(call *call) error {
	next := call.steps[b.sent]
	if err := waitUntil(b.ctx, b.before.Add(b.x.opts.Timing.scale(next.after))); err != nil {
		return gone(err)
	}
	b.before = time.Now()
	if err := b.choose(call); err != nil {
		return recordingFailure(err)
	}
	switch {
	case next.hangs && next.last:
		<-b.ctx.Done()
		return gone(b.ctx.Err())
	case next.last:
		b.resp.Trailer = b.answer.trailer
		return io.EOF
	}
	if b.source == nil {
		if err := b.open(); err != nil {
			return recordingFailure(err)
		}
	}
	b.answered(call)
	b.left, b.offset = next.size, b.offset+next.size
	return nil
}

// open opens the content of the call behind what was sent already.
func (b *conversing) open() (err error) {
	if b.source, _, err = b.answer.open(b.answer.plain.content); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, b.source, b.offset)
	return err
}

// diverged ends a call in which the client does not say what it has said in any
// recorded one.
func (b *conversing) diverged() error {
	miss := b.x.noteMiss(b.req, b.client.content(), b.anywhere, "")
	b.resp.Trailer = missStatus(b.req, miss)
	return io.EOF
}

// recordingFailure is the failure to read again what was there before.
func recordingFailure(err error) error {
	return &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "read recording: " + err.Error(), Err: err}
}
