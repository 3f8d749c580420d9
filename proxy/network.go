package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const (
	defaultDialTimeout = 30 * time.Second
	defaultTLSTimeout  = 15 * time.Second
	// sessionCache is how many origins' TLS sessions are kept for resumption.
	sessionCache = 256
)

// dialer opens connections to origins for all clients.
type dialer struct {
	opts     Network
	own      *ownAddresses
	dial     net.Dialer
	sessions tls.ClientSessionCache
	// http1Only is that of Options.
	http1Only bool
	only2     only2
}

func newDialer(opts Network, http1Only bool, own *ownAddresses) *dialer {
	if opts.DialTimeout == 0 {
		opts.DialTimeout = defaultDialTimeout
	}
	if opts.TLSTimeout == 0 {
		opts.TLSTimeout = defaultTLSTimeout
	}
	return &dialer{
		opts: opts, own: own, sessions: tls.NewLRUClientSessionCache(sessionCache),
		http1Only: http1Only, only2: newOnly2(),
		dial: net.Dialer{Timeout: opts.DialTimeout, Control: own.control, Resolver: opts.Resolver},
	}
}

// target is what an origin connection is for. Equal targets may share one.
type target struct {
	addr   string // host:port to dial
	secure bool
	sni    string // the name to verify, for secure ones
	// connect and upgrade are for upstream proxies, which have to pass bytes
	// where the client has asked for that: by a CONNECT or for a WebSocket.
	connect, upgrade bool
}

// connect opens a connection and notes in trace how long its steps took. forward
// is the upstream proxy at its end if that is to be sent the requests for t, nil
// if t's origin is there.
func (d *dialer) connect(ctx context.Context, t target, trace *traffic.Trace) (conn net.Conn, forward *url.URL, err error) {
	via, err := d.upstreamFor(t)
	switch {
	case err != nil:
		return nil, nil, err
	case via == nil:
		conn, err = d.connectDirect(ctx, t.addr, trace)
		return conn, nil, err
	}
	if forwards(via, t) {
		forward = via
	}
	conn, err = d.connectVia(ctx, via, t, trace)
	return conn, forward, err
}

// connectDirect opens a TCP connection.
func (d *dialer) connectDirect(ctx context.Context, addr string, trace *traffic.Trace) (net.Conn, error) {
	var dnsStart time.Time
	dns := time.Duration(-1)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { dnsStart = time.Now() },
		DNSDone:  func(httptrace.DNSDoneInfo) { dns = time.Since(dnsStart) },
	})
	start := time.Now()
	conn, err := d.dialAny(ctx, d.resolve(addr))
	d.tellDialed(ctx, addr, err)
	if err != nil {
		return nil, upstreamFailure("connect to "+addr, err)
	}
	trace.DNS = dns
	trace.Connect = time.Since(start) - max(0, dns)
	return conn, nil
}

// isLocalhost reports whether a host is the name of the loopback.
func isLocalhost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// dialAny connects to host:port. The host localhost has both addresses of the
// loopback, even where the system knows only one (RFC 6761 section 6.3).
func (d *dialer) dialAny(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := d.dial.DialContext(ctx, "tcp", addr)
	host, port, _ := net.SplitHostPort(addr)
	if err == nil || errors.Is(err, errLoop) || !isLocalhost(host) {
		return conn, err
	}
	for _, loopback := range []string{"::1", "127.0.0.1"} {
		if conn, other := d.dial.DialContext(ctx, "tcp", net.JoinHostPort(loopback, port)); other == nil {
			return conn, nil
		}
	}
	return nil, err
}

// tellDialed tells how an attempt to connect has ended, unless it was given up.
func (d *dialer) tellDialed(ctx context.Context, addr string, err error) {
	if d.opts.Dialed == nil || err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	d.opts.Dialed(addr, err)
}

// resolve applies the Resolve option to host:port.
func (d *dialer) resolve(addr string) string {
	to, ok := d.opts.Resolve[strings.ToLower(addr)]
	if !ok {
		return addr
	}
	if _, _, err := net.SplitHostPort(to); err == nil {
		return to
	}
	_, port, _ := net.SplitHostPort(addr)
	return net.JoinHostPort(strings.Trim(to, "[]"), port)
}

// clientCerts returns the certificate for an origin, nil for none.
func (d *dialer) clientCerts(name string) []tls.Certificate {
	certs := d.opts.ClientCerts
	i := slices.IndexFunc(certs, func(c ClientCert) bool { return strings.EqualFold(c.Host, name) })
	if i < 0 {
		i = slices.IndexFunc(certs, func(c ClientCert) bool { return matchHost([]string{c.Host}, name) })
	}
	if i < 0 {
		return nil
	}
	return []tls.Certificate{certs[i].Cert}
}

// handshake opens TLS on conn and verifies the origin, which chooses one of the
// protocols. A failure closes conn.
func (d *dialer) handshake(ctx context.Context, conn net.Conn, name string, protocols []string, trace *traffic.Trace) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.TLSTimeout)
	defer cancel()
	start := time.Now()
	config := &tls.Config{
		ServerName:         name,
		RootCAs:            d.opts.RootCAs,
		InsecureSkipVerify: d.opts.Insecure || matchHost(d.opts.InsecureHosts, name), //nolint:gosec // the user asked for it
		NextProtos:         protocols,
		ClientSessionCache: d.sessions,
		Certificates:       d.clientCerts(name),
		KeyLogWriter:       d.opts.KeyLog,
	}
	setMinTLS(config, d.opts.MinTLS)
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		failure := upstreamFailure("TLS with "+name, err)
		if failure.Kind == traffic.FailInternal {
			failure.Kind = traffic.FailTLS
		}
		return nil, failure
	}
	trace.TLS = time.Since(start)
	return secure, nil
}
