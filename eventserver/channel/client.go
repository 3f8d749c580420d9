package channel

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// closeSuperseded is the code with which a client is closed when another one has
	// come.
	closeSuperseded = 4000
	// maxBehind is how many events a client may not have taken yet.
	maxBehind = 2 * kept
	// maxSaid is how long a message of a client may be, in bytes.
	maxSaid = 64 << 10
	// writeTime is how long a client may take to read an event.
	writeTime = 10 * time.Second
	// pingEvery is how often a client is asked whether it is there, and pongTime how
	// long nothing may come from it.
	pingEvery = 20 * time.Second
	pongTime  = time.Minute
)

// client is a connection. A goroutine writes events to it, and another one reads.
type client struct {
	conn *websocket.Conn // nil until it has begun; guarded by Channel.mu until then
	wish wish

	mu      sync.Mutex // guards the fields below
	pending []event
	over    bool // no more events are taken
	code    int  // of the close frame
	reason  string

	more chan struct{} // has something if there is something to write
}

func newClient(w wish) *client {
	return &client{wish: w, more: make(chan struct{}, 1)}
}

// add adds an event to be written. A client that takes none is ended.
func (cl *client) add(e event) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.over {
		return
	}
	if len(cl.pending) == maxBehind {
		cl.pending = nil
		cl.finish(websocket.ClosePolicyViolation, "too slow")
		return
	}
	cl.pending = append(cl.pending, e)
	cl.wake()
}

// end ends the connection behind what was added.
func (cl *client) end(code int, reason string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.finish(code, reason)
}

// finish is end with cl.mu held.
func (cl *client) finish(code int, reason string) {
	if !cl.over {
		cl.over, cl.code, cl.reason = true, code, reason
		cl.wake()
	}
}

func (cl *client) wake() {
	select {
	case cl.more <- struct{}{}:
	default: // it is about to look
	}
}

// take returns what there is to write, and whether the connection is over behind it.
func (cl *client) take() (events []event, over bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	events, cl.pending = cl.pending, nil
	return events, cl.over
}

// run serves the connection until it ends.
func (cl *client) run() {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		cl.read()
	}()
	cl.write(gone)
	_ = cl.conn.Close() // which ends read
	<-gone
}

// read reads what the client says, which is nothing of interest, until it leaves.
func (cl *client) read() {
	cl.conn.SetReadLimit(maxSaid)
	alive := func(string) error { return cl.conn.SetReadDeadline(time.Now().Add(pongTime)) }
	_ = alive("") // fails on a closed connection, as reading does
	cl.conn.SetPongHandler(alive)
	for {
		if _, _, err := cl.conn.ReadMessage(); err != nil {
			return
		}
		_ = alive("")
	}
}

// write writes events until the client is gone or is to be ended.
func (cl *client) write(gone <-chan struct{}) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-gone:
			return
		case <-ping.C:
			if cl.control(websocket.PingMessage, nil) != nil {
				return
			}
		case <-cl.more:
			events, over := cl.take()
			for _, e := range events {
				if cl.send(e) != nil {
					return
				}
			}
			if over {
				cl.say(gone)
				return
			}
		}
	}
}

func (cl *client) send(e event) error {
	if err := cl.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	return cl.conn.WriteMessage(websocket.TextMessage, e.text(cl.wish.numbered))
}

func (cl *client) control(kind int, content []byte) error {
	return cl.conn.WriteControl(kind, content, time.Now().Add(writeTime))
}

// goodbye is how long a client may take to answer a close frame.
const goodbye = time.Second

// say sends the close frame, and waits a moment for the client's: closing before would
// reset the connection where the client has sent something.
func (cl *client) say(gone <-chan struct{}) {
	cl.mu.Lock()
	frame := websocket.FormatCloseMessage(cl.code, cl.reason)
	cl.mu.Unlock()
	if cl.control(websocket.CloseMessage, frame) != nil {
		return
	}
	patience := time.NewTimer(goodbye)
	defer patience.Stop()
	select {
	case <-gone:
	case <-patience.C:
	}
}
