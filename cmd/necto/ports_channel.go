package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/necto-dev/necto/eventserver/channel"
	"github.com/necto-dev/necto/internal/ports"
	"github.com/necto-dev/necto/proxy"
)

// channelRetry is how often it is tried to open the channel where somebody else has its
// address.
const channelRetry = time.Second

// openChannel is a channel that is being served, or about to be. Methods of a nil one
// do nothing.
type openChannel struct {
	*channel.Channel
	url     string
	http    *http.Server
	serving sync.WaitGroup
	stop    context.CancelFunc
}

// openChannel opens the channel, nil without one. If somebody else has its address it
// is opened when that is free, and clients are told so: a user interface comes and goes
// while what it follows is to stay.
func (f *portsFlags) openChannel(ctx context.Context, status *status, p *proxy.Proxy) (*openChannel, error) {
	if f.channel == "" {
		return nil, nil //nolint:nilnil // nil is none
	}
	token := f.token
	if token == "" {
		token = channel.NewToken()
	}
	c := &openChannel{Channel: channel.New(channel.Options{Token: token, Relays: p.Relays})}
	c.http = &http.Server{Handler: c, ReadHeaderTimeout: headerPatience}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	l, err := listenChannel(ctx, f.channel)
	host := f.channel
	switch {
	case err == nil:
		host = l.Addr().String()
		p.Avoid(l.Addr())
		c.serving.Go(func() { c.serve(l, status) })
	case errors.Is(err, errAddrInUse):
		status.note("the channel's address is taken, it is opened when it is free: %v", err)
		c.Publish(ports.Event{Type: ports.HTTPError, Payload: "HTTP Start error: " + err.Error()})
		c.serving.Go(func() { c.serveLater(ctx, f.channel, status, p) })
	default:
		c.stop()
		return nil, fmt.Errorf("open the channel: %w", err)
	}
	c.url = (&url.URL{Scheme: "ws", Host: host, Path: "/ws/" + token}).String()
	return c, nil
}

func listenChannel(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", addr)
}

// serveLater serves clients once the address is free.
func (c *openChannel) serveLater(ctx context.Context, addr string, status *status, p *proxy.Proxy) {
	tick := time.NewTicker(channelRetry)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l, err := listenChannel(ctx, addr)
		if err != nil {
			continue // it was told already
		}
		status.note("the channel is open at %s", l.Addr())
		p.Avoid(l.Addr())
		c.serve(l, status)
		return
	}
}

func (c *openChannel) serve(l net.Listener, status *status) {
	if err := c.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		status.note("the channel has ended: %v", err)
	}
}

// publish returns what tells clients of events, nil for nobody.
func (c *openChannel) publish() func(ports.Event) {
	if c == nil {
		return nil
	}
	return c.Publish
}

// close tells clients that it is over, and closes the listener.
func (c *openChannel) close() {
	if c == nil {
		return
	}
	c.stop()
	c.Close()
	_ = c.http.Close() // nobody waits for an answer
	c.serving.Wait()
}
