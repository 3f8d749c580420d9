package replay

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// duplex is a recorded server at the end of a live connection: what is written
// to it the server hears, what it says is read. It is the Body of a 101. Reads
// and writes may run at the same time, and Close at any time.
type duplex struct {
	*io.PipeReader
	ear     *ear
	parser  wsframe.Parser
	decoder *wsframe.Decoder
	cancel  context.CancelFunc
	played  chan struct{} // closed when the player has ended
	among   *clients

	mu      sync.Mutex // guards what follows
	feeding bool       // a Write is at the decoder
	closed  bool       // and nobody may use the decoder any more
}

// newDuplex starts a conversation, which ends with ctx or with Close.
func newDuplex(ctx context.Context, x *Index, c *conversation, u traffic.URL, ext wsframe.Extensions) *duplex {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	client := newClient()
	d := &duplex{
		PipeReader: r,
		ear:        newEar(x, c, u, client),
		cancel:     cancel,
		played:     make(chan struct{}),
		among:      &x.clients,
	}
	d.among.add(client)
	d.decoder = wsframe.NewDecoder(traffic.ClientToServer, ext, d.ear)
	p := &player{
		conversation: c, opts: x.opts, ext: ext, client: client, out: w,
	}
	go func() {
		defer close(d.played)
		p.run(ctx)
	}()
	return d
}

// Write takes bytes of the client. It never fails: a client that goes on after
// the end is not heard.
func (d *duplex) Write(p []byte) (int, error) {
	if !d.enter() {
		return len(p), nil
	}
	defer d.leave()
	if err := d.parser.Feed(p, time.Now(), d.decoder); err != nil {
		d.ear.client.refuse(wsframe.CloseProtocolError, err.Error())
	}
	return len(p), nil
}

// CloseWrite says that the client sends nothing more.
func (d *duplex) CloseWrite() error {
	d.ear.client.leave()
	return nil
}

// Close ends the conversation and waits for what it started.
func (d *duplex) Close() error {
	_ = d.PipeReader.Close() // never fails
	d.cancel()
	<-d.played
	d.among.remove(d.ear.client)
	d.mu.Lock()
	release := !d.closed && !d.feeding
	d.closed = true
	d.mu.Unlock()
	if release {
		d.decoder.Release()
	}
	return nil
}

// enter claims the decoder for a Write, unless the conversation was closed.
func (d *duplex) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeding = !d.closed
	return d.feeding
}

// leave gives the decoder back, or up if the conversation was closed meanwhile.
func (d *duplex) leave() {
	d.mu.Lock()
	d.feeding = false
	release := d.closed
	d.mu.Unlock()
	if release {
		d.decoder.Release()
	}
}

// client is what a live client has done that the player has to know.
type client struct {
	// wake has a value when something has changed.
	wake chan struct{}

	mu sync.Mutex // guards what follows
	// heard counts whole messages. In WSMatch, queue has the frames from which
	// on each of them is answered; it is no longer than what the client sent.
	heard int
	queue []int
	pong  []byte // answers the last ping, nil if it was answered
	// closed says that the client sent a close frame, whose answer is answer,
	// gone that it sends nothing more.
	closed, gone bool
	answer       []byte
	// refusal is the payload of the close frame to be sent now, nil for none.
	refusal []byte
}

func newClient() *client { return &client{wake: make(chan struct{}, 1)} }

// change makes a change and wakes the player.
func (c *client) change(f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it will see this change with the one before
	}
}

func (c *client) leave() { c.change(func() { c.gone = true }) }

// refuse ends the conversation with a close frame of ours.
func (c *client) refuse(code int, reason string) {
	c.change(func() {
		if c.refusal == nil {
			c.refusal = wsframe.AppendClose(nil, code, reason)
		}
	})
}

// over reports whether the client is to be heard no more.
func (c *client) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed || c.gone || c.refusal != nil
}
