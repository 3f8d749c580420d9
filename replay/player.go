package replay

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
)

const (
	// closePatience is how long a client may take to answer a close frame.
	closePatience = 5 * time.Second
	// loopPause is from the beginning of a round to that of the next if the
	// client has no part in it, so that WSLoop does not flood.
	loopPause = time.Second
	// flushSize is how many bytes of frames are sent at once.
	flushSize = 16 << 10
)

var (
	// errOver ends a conversation in which nothing more is to be said but what
	// closes it, errCut one that has not even that.
	errOver = errors.New("the conversation is over")
	errCut  = errors.New("the conversation is cut")
)

// player says what the recorded server said. One goroutine runs it.
type player struct {
	*conversation
	opts   Options
	ext    wsframe.Extensions
	client *client
	out    *io.PipeWriter

	buf    []byte    // frames not sent yet
	last   time.Time // when the last frame was due
	closed bool      // a close frame was sent
}

// run plays the conversation to its end, which the reader sees as io.EOF, or as
// an error if ctx or reading the recording ended it.
func (p *player) run(ctx context.Context) {
	unblock := context.AfterFunc(ctx, func() { p.out.CloseWithError(ctx.Err()) })
	defer unblock()
	p.last = time.Now()
	err := p.play(ctx)
	if err == nil {
		err = p.await(ctx, func() bool { return false }) // WSHold
	}
	switch {
	case errors.Is(err, errOver):
		err = p.bye(ctx)
	case errors.Is(err, errCut):
		err = p.flush()
	default:
		_ = p.flush() // what came before the trouble, if the reader is still there
	}
	p.client.leave() // nobody hears what still comes
	if err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrClosedPipe) {
		p.opts.Log.Warn("conversation cut short", "exchange", p.id, "err", err)
	}
	p.out.CloseWithError(err) // nil is io.EOF
}

// play sends the frames, and what WSEnd says comes behind them.
func (p *player) play(ctx context.Context) error {
	if p.opts.WSMode == WSMatch {
		return p.playMatch(ctx)
	}
	if p.opts.WSEnd == WSLoop && p.sound > 0 {
		return p.loop(ctx)
	}
	if err := p.playScript(ctx, p.frames, 0); err != nil {
		return err
	}
	return p.end()
}

// end is the end of the recording.
func (p *player) end() error {
	switch {
	case p.closed:
		return errOver
	case p.opts.WSEnd != WSClose:
		return nil
	case p.closeCode == wsframe.CloseAbnormal: // there was no close frame
		return errCut
	}
	code := p.closeCode
	if code == 0 { // the recording ends before the connection did
		code = wsframe.CloseGoingAway
	}
	p.sayClose(wsframe.AppendClose(nil, code, ""))
	return errOver
}

// loop plays the conversation again and again. A round ends when the client has
// said what it said in the recording.
func (p *player) loop(ctx context.Context) error {
	for round := 0; ; round++ {
		began := p.last
		if err := p.playScript(ctx, p.frames[:p.sound], round*p.messages); err != nil {
			return err
		}
		var err error
		if p.opts.WSMode == WSTimed || p.messages == 0 {
			due := began.Add(loopPause)
			if p.last.After(due) {
				due = p.last
			}
			err = p.awaitTime(ctx, due)
		} else {
			err = p.awaitHeard(ctx, (round+1)*p.messages)
		}
		if err != nil {
			return err
		}
	}
}

// playScript sends frames at their turns or times; base is how many messages of
// the client came before.
func (p *player) playScript(ctx context.Context, frames []frame, base int) error {
	began := p.last
	cur := cursor{frames: frames}
	for cur.next() {
		due := began.Add(p.opts.Timing.scale(cur.at))
		if p.opts.WSMode != WSTimed {
			if err := p.awaitHeard(ctx, base+cur.turn); err != nil {
				return err
			}
			due = p.last.Add(p.opts.Timing.scale(cur.gap))
		}
		if err := p.awaitTime(ctx, due); err != nil {
			return err
		}
		if err := p.say(cur.frame); err != nil {
			return err
		}
	}
	return nil
}

// playMatch sends what comes before the first message of the client, and then
// what followed each message that it sends.
func (p *player) playMatch(ctx context.Context) error {
	for from := 0; ; {
		cur := cursor{frames: p.frames[from:]}
		for cur.next() && cur.turn == 0 {
			if err := p.awaitTime(ctx, p.last.Add(p.opts.Timing.scale(cur.gap))); err != nil {
				return err
			}
			if err := p.say(cur.frame); err != nil {
				return err
			}
		}
		if cur.turn == 0 && p.opts.WSEnd == WSClose {
			return p.end()
		}
		if err := p.await(ctx, func() bool { return len(p.client.queue) > 0 }); err != nil {
			return err
		}
		p.client.mu.Lock()
		from = p.client.queue[0]
		p.client.queue = p.client.queue[1:]
		p.client.mu.Unlock()
		p.last = time.Now()
	}
}

// awaitHeard waits until the client has sent so many messages. What is sent
// after a wait is timed from its end.
func (p *player) awaitHeard(ctx context.Context, messages int) error {
	waited := false
	err := p.await(ctx, func() bool {
		if p.client.heard >= messages {
			return true
		}
		waited = true
		return false
	})
	if waited {
		p.last = time.Now()
	}
	return err
}

// awaitTime waits for the time of the next frame.
func (p *player) awaitTime(ctx context.Context, due time.Time) error {
	p.last = due
	wait := time.Until(due)
	if wait <= 0 {
		return p.await(ctx, func() bool { return true })
	}
	timer := time.AfterFunc(wait, func() { p.client.change(func() {}) })
	defer timer.Stop()
	return p.await(ctx, func() bool { return !time.Now().Before(due) })
}

// await answers pings until ready, which is called with client.mu held, returns
// true. It returns errOver where the client has ended the conversation: what is
// ready by then is still said, and nothing else.
func (p *player) await(ctx context.Context, ready func() bool) error {
	for {
		p.client.mu.Lock()
		isReady := ready()
		over := p.client.closed || p.client.gone
		refused := p.client.refusal != nil
		pong := p.client.pong
		p.client.pong = nil
		p.client.mu.Unlock()
		if pong != nil && !p.closed {
			p.buf = wsframe.AppendFrame(p.buf, wsframe.Header{Fin: true, Opcode: wsframe.OpPong}, pong)
		}
		switch {
		case refused, p.closed:
			return errOver
		case isReady:
			return nil
		case over:
			return errOver
		}
		if err := p.flush(); err != nil {
			return err
		}
		select {
		case <-p.client.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bye ends the connection: with a close frame, unless there was one or the
// client has gone without, and then with what the client says to that.
func (p *player) bye(ctx context.Context) error {
	p.client.mu.Lock()
	refusal, closed, answer, gone := p.client.refusal, p.client.closed, p.client.answer, p.client.gone
	p.client.mu.Unlock()
	switch {
	case p.closed:
	case refusal != nil:
		p.sayClose(refusal)
	case closed:
		p.sayClose(answer)
	}
	if err := p.flush(); err != nil || closed || gone {
		return err
	}
	return p.awaitEnd(ctx)
}

// awaitEnd waits until the client has answered a close frame, or long enough.
func (p *player) awaitEnd(ctx context.Context) error {
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	for {
		p.client.mu.Lock()
		over := p.client.closed || p.client.gone
		p.client.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-p.client.wake:
		case <-patience.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cursor goes through the frames of the server.
type cursor struct {
	frames []frame
	frame  frame         // the current one
	turn   int           // messages of the client before it
	at     time.Duration // since the beginning
	gap    time.Duration // since the frame of the server or the message before it
	mark   time.Duration // when that was
}

// next goes to the next frame, false if there is none.
func (c *cursor) next() bool {
	for len(c.frames) > 0 {
		f := c.frames[0]
		c.frames = c.frames[1:]
		c.at += f.after()
		if f.endsTurn() {
			c.turn++
			c.mark = c.at
		}
		if f.fromServer() {
			c.frame, c.gap, c.mark = f, c.at-c.mark, c.at
			return true
		}
	}
	return false
}
