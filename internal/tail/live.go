package tail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/record"
)

// NewLive returns what the event server at an address such as
// http://127.0.0.1:8889 publishes as a Source: first what it still has, then what
// comes. It has no end but that of the server, which is an error.
func NewLive(address, token string) Source {
	return &liveSource{address: address, token: token}
}

// liveSource makes lines of events. They have content as far as events have.
type liveSource struct {
	address, token string
}

var errPreview = errors.New("events have only the beginning of long content")

func (s *liveSource) Name() string { return s.address }

func (s *liveSource) Scan(ctx context.Context, h Handler) error {
	err := s.scan(ctx, h)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", s.address, err)
	}
	return nil
}

func (s *liveSource) scan(ctx context.Context, h Handler) error {
	client, err := eventclient.Dial(ctx, s.address, eventclient.Options{Token: s.token})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	session, err := subscribe(client)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	events := startPump(client)
	defer events.stop()
	lines := newLiveLines(h)
	if err := lines.begin(session); err != nil {
		return err
	}
	return events.each(h.Idle, lines.event)
}

// subscribe asks for what there is and for what comes, and returns the id of the
// session that new exchanges belong to.
func subscribe(c *eventclient.Client) (string, error) {
	answer, err := c.Call("traffic:subscribe", map[string]any{"since": 0})
	if err != nil {
		return "", err
	}
	var result struct{ SessionID string }
	err = json.Unmarshal(answer, &result)
	return result.SessionID, err
}

func (s *liveSource) OpenBody(*record.EntryBody) (io.ReadCloser, error) { return nil, errPreview }

func (s *liveSource) Close() error { return nil }

// pump reads events while others are being printed.
type pump struct {
	client *eventclient.Client
	events chan *eventclient.Event
	done   chan struct{} // closed when nobody wants events any more
	err    error         // why events was closed
}

// pumped is how many events are read ahead.
const pumped = 256

func startPump(client *eventclient.Client) *pump {
	p := &pump{client: client, events: make(chan *eventclient.Event, pumped), done: make(chan struct{})}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.events)
	for {
		e, err := p.client.Next()
		if err != nil {
			p.err = err
			return
		}
		select {
		case p.events <- e:
		case <-p.done:
			return
		}
	}
}

// each calls fn for each event, and idle before it waits for one. It returns an
// error of theirs, or why there are no more events.
func (p *pump) each(idle func() error, fn func(*eventclient.Event) error) error {
	for {
		if len(p.events) == 0 {
			if err := idle(); err != nil {
				return err
			}
		}
		e, ok := <-p.events
		if !ok {
			return p.err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}

// stop ends the connection and waits for run.
func (p *pump) stop() {
	close(p.done)
	_ = p.client.Close() // nothing was promised to the server
	for range p.events {
	}
}
