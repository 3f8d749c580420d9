package proxy

import (
	"context"
	"errors"
	"net"
)

// Proxy is an intercepting proxy. Create it with New.
type Proxy struct{ opts Options }

// New returns a Proxy that listens nowhere yet.
func New(opts Options) *Proxy { return &Proxy{opts: opts} }

// Listen opens a listener and returns its address. Connections are accepted
// once Run runs. ctx bounds only the call.
func (p *Proxy) Listen(ctx context.Context, l Listener) (net.Addr, error) {
	return nil, errors.ErrUnsupported
}

// Run serves until ctx is done, then stops: no new connections, Grace for the
// exchanges in flight. It returns when the last one has ended.
func (p *Proxy) Run(ctx context.Context) error { return errors.ErrUnsupported }
