package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/necto-dev/necto/internal/ports"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// portOpener opens the ports of a pool as listeners of the proxy, so that what passes
// them is recorded, and rules apply, as on any other. It implements ports.Opener.
type portOpener struct {
	proxy *proxy.Proxy
	// options are the proxy's, and unrecorded is who is told of what is to be in no
	// recording.
	options    proxy.Options
	unrecorded traffic.Observer
	// answers is how recordings are read that ports answer from.
	answers replay.Options

	mu      sync.Mutex                 // guards indexes
	indexes map[*replay.Index]struct{} // those in use
}

// Open opens a listener of the proxy.
func (o *portOpener) Open(ctx context.Context, r ports.Route) (ports.Listener, error) {
	options, network := o.options, *o.options.Network
	network.Dialed = r.Dialed
	options.Network = &network
	if r.User != "" {
		options.Auth = proxy.Credentials{User: r.User, Password: r.Password}
	}
	if r.Unrecorded {
		options.Observer = o.unrecorded
	}
	l := proxy.Listener{Addr: r.Addr, Tags: r.Tags, Accepted: r.Accepted, Options: &options}
	opened := &openPort{opener: o}
	switch r.Kind {
	case ports.KindTarget:
		l.Reverse = r.Target
	case ports.KindUpstream:
		network.Upstream = func(*url.URL) (*url.URL, error) { return r.Upstream(), nil }
	case ports.KindRaw:
		l.Raw = r.Raw
	case ports.KindReplay:
		if err := opened.load(r.Folder, r.Replay); err != nil {
			return nil, fmt.Errorf("%w: %w", ports.ErrRecording, err)
		}
		l.Origin, options.Network = true, nil
		options.AllowHost = orHost(options.AllowHost, opened.index.Knows)
		options.Layers = append(slices.Clip(options.Layers), replayLayer(opened.index))
	}
	var err error
	if opened.addr, err = o.proxy.Listen(ctx, l); err != nil {
		opened.Release()
		return nil, busy(err)
	}
	return opened, nil
}

// busy returns the error of a listener that cannot be opened, without the address,
// which everybody knows.
func busy(err error) error {
	if system, ok := errors.AsType[*os.SyscallError](err); ok {
		err = system
	}
	return fmt.Errorf("%w: %w", ports.ErrBusy, err)
}

// endConversations ends the WebSocket connections that recordings hold.
func (o *portOpener) endConversations() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for index := range o.indexes {
		index.EndConversations()
	}
}

// openPort is a listener of a pool. It implements ports.Listener.
type openPort struct {
	opener *portOpener
	addr   net.Addr
	index  *replay.Index // nil unless it answers from a recording
}

// load reads the recording to answer from. Only an absolute path may be outside of the
// folder.
func (p *openPort) load(folder, path string) error {
	options := p.opener.answers
	if !filepath.IsAbs(path) {
		root, err := os.OpenRoot(folder)
		if err != nil {
			return err
		}
		defer root.Close() //nolint:errcheck // it was only read
		options.Root = root
	}
	index, err := replay.Load([]string{path}, options)
	if err != nil {
		return err
	}
	p.index = index
	p.opener.mu.Lock()
	defer p.opener.mu.Unlock()
	if p.opener.indexes == nil {
		p.opener.indexes = make(map[*replay.Index]struct{})
	}
	p.opener.indexes[index] = struct{}{}
	return nil
}

// Reach connects to what is behind the port.
func (p *openPort) Reach(ctx context.Context, via *url.URL) error {
	return p.opener.proxy.Reach(ctx, p.addr, via)
}

// Close closes the listener.
func (p *openPort) Close() error {
	if p.index != nil {
		p.index.EndConversations()
	}
	return p.opener.proxy.Unlisten(p.addr)
}

// Release closes the recording.
func (p *openPort) Release() {
	if p.index == nil {
		return
	}
	p.opener.mu.Lock()
	delete(p.opener.indexes, p.index)
	p.opener.mu.Unlock()
	_ = p.index.Close() // it was only read
}
