package proxy

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// upstreamFor returns the upstream proxy that t is reached through, nil for none.
func (d *dialer) upstreamFor(t target) (*url.URL, error) {
	if d.opts.Upstream == nil {
		return nil, nil //nolint:nilnil // nil is none, as for a http.Transport
	}
	u := &url.URL{Scheme: "http", Host: t.addr}
	if t.secure || t.connect {
		u.Scheme = "https" // what is inside a CONNECT mostly is
	}
	via, err := d.opts.Upstream(u)
	if err != nil {
		return nil, &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "choose an upstream proxy: " + err.Error(), Err: err}
	}
	return via, nil
}

// forwards reports whether an upstream proxy is given the requests for t in
// absolute-form. It is asked for a connection to t otherwise.
func forwards(via *url.URL, t target) bool {
	return !t.secure && !t.connect && !t.upgrade && (via.Scheme == "http" || via.Scheme == "https")
}

// connectVia opens a connection to t through the upstream proxy via, or only to
// via if that is given requests.
func (d *dialer) connectVia(ctx context.Context, via *url.URL, t target, trace *traffic.Trace) (net.Conn, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d.opts.DialTimeout)
	defer cancel()
	if err := d.refuseOwn(ctx, t.addr); err != nil {
		return nil, upstreamFailure("connect to "+t.addr, err)
	}
	conn, err := d.connectDirect(ctx, upstreamAddr(via), trace)
	if err != nil {
		return nil, viaFailure(via, err)
	}
	if via.Scheme == "https" {
		// A failure has closed conn.
		if conn, err = d.handshake(ctx, conn, via.Hostname(), http1.protocols(), new(traffic.Trace)); err != nil {
			return nil, viaFailure(via, err)
		}
	}
	if !forwards(via, t) {
		tunnel, err := d.askUpstream(ctx, conn, via, t.addr)
		if err != nil {
			_ = conn.Close() // it is of no use to anybody
			return nil, viaFailure(via, err)
		}
		conn = tunnel
	}
	trace.Connect = time.Since(start) - max(0, trace.DNS)
	return conn, nil
}

// refuseOwn returns errLoop if addr, host:port, is an address of our own, or a name
// that has one here: the upstream proxy may run on this machine, too.
func (d *dialer) refuseOwn(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !d.own.hasPort(port) {
		return nil //nolint:nilerr // what is no address is not ours
	}
	if err := d.own.control("tcp", addr, nil); err != nil {
		return err
	}
	if isLocalhost(host) {
		return errLoop
	}
	ips, err := d.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil //nolint:nilerr // only the upstream proxy knows the name
	}
	for _, ip := range ips {
		if err := d.own.control("tcp", net.JoinHostPort(ip.String(), port), nil); err != nil {
			return err
		}
	}
	return nil
}

// upstreamAddr returns host:port of an upstream proxy.
func upstreamAddr(via *url.URL) string {
	port := via.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[via.Scheme]
	}
	if port == "" {
		port = "1080"
	}
	return net.JoinHostPort(via.Hostname(), port)
}

// viaFailure says that it is about the upstream proxy, whose credentials it does
// not tell.
func viaFailure(via *url.URL, err error) error {
	text := "the upstream proxy " + via.Scheme + "://" + via.Host + ": "
	if failure, ok := errors.AsType[*traffic.Failure](err); ok {
		return &traffic.Failure{Kind: failure.Kind, Side: traffic.SideUpstream, Text: text + failure.Text, Err: err}
	}
	// What the library calls "unknown error" is one the server has named.
	said := strings.TrimPrefix(plain(err), "unknown error ")
	failure := &traffic.Failure{Kind: failureKind(err), Side: traffic.SideUpstream, Text: text + said, Err: err}
	if failure.Kind == traffic.FailInternal {
		failure.Kind = traffic.FailConnect
	}
	return failure
}

// askUpstream asks the upstream proxy at the other end of conn for a connection to
// addr and returns that. After an error conn is still to be closed.
func (d *dialer) askUpstream(ctx context.Context, conn net.Conn, via *url.URL, addr string) (net.Conn, error) {
	if via.Scheme == "http" || via.Scheme == "https" {
		return askHTTP(ctx, conn, via, addr)
	}
	if via.Scheme == "socks5" {
		var err error
		if addr, err = d.lookup(ctx, addr); err != nil {
			return nil, upstreamFailure("connect to "+addr, err)
		}
	}
	return conn, askSOCKS(ctx, conn, via, addr)
}

// lookup returns addr, host:port, with an address for host. After an error it
// returns addr itself.
func (d *dialer) lookup(ctx context.Context, addr string) (string, error) {
	host, port, err := net.SplitHostPort(d.resolve(addr))
	if err != nil {
		return addr, err
	}
	ips, err := d.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return addr, err
	}
	return net.JoinHostPort(ips[0].Unmap().String(), port), nil
}

func (d *dialer) resolver() *net.Resolver {
	if d.opts.Resolver != nil {
		return d.opts.Resolver
	}
	return net.DefaultResolver
}

// askSOCKS is askUpstream in SOCKS5 (RFC 1928), with the name as it is.
func askSOCKS(ctx context.Context, conn net.Conn, via *url.URL, addr string) error {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	socks, err := proxy.SOCKS5("tcp", upstreamAddr(via), auth, nil)
	if err != nil {
		return err
	}
	// What the library documents about its dialer, which it returns as an
	// interface with less.
	dialer, ok := socks.(interface {
		DialWithConn(ctx context.Context, c net.Conn, network, address string) (net.Addr, error)
	})
	if !ok {
		return fmt.Errorf("a SOCKS dialer of type %T", socks)
	}
	_, err = dialer.DialWithConn(ctx, conn, "tcp", addr)
	return err
}

// askHTTP is askUpstream by CONNECT (RFC 9110 section 9.3.6).
func askHTTP(ctx context.Context, conn net.Conn, via *url.URL, addr string) (net.Conn, error) {
	cut := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	resp, ahead, err := connectThrough(conn, basicAuth(via.User), addr)
	if !cut() {
		return nil, context.Cause(ctx)
	}
	switch {
	case err != nil:
		return nil, err
	case resp.Status == http.StatusProxyAuthRequired:
		return nil, authRefused(via)
	case resp.Status < 200 || resp.Status > 299:
		return nil, &traffic.Failure{Kind: traffic.FailConnect, Text: fmt.Sprintf("it answered CONNECT %s with %d %s", addr, resp.Status, resp.Reason)}
	case len(ahead) > 0:
		return &aheadConn{Conn: conn, ahead: ahead}, nil
	}
	return conn, nil
}

// authRefused says why an upstream proxy answers 407.
func authRefused(via *url.URL) error {
	text := "it wants a user and a password, which --upstream-proxy can bring: 407"
	if via.User != nil {
		text = "it does not accept the user and the password: 407"
	}
	return &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: text}
}

// connectThrough sends a CONNECT and returns the answer, and what came behind it,
// which is the origin's.
func connectThrough(conn net.Conn, auth, addr string) (*traffic.Response, []byte, error) {
	head := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n" + auth + "\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, nil, err
	}
	r := h1.NewReader(conn, h1.Limits{})
	defer r.Release()
	for {
		resp, err := r.ReadResponse()
		if err != nil {
			return nil, nil, err
		}
		if resp.Status >= 200 || resp.Status == http.StatusSwitchingProtocols {
			return resp, append([]byte(nil), r.Buffered()...), nil
		}
	}
}

// basicAuth returns the field with which a user presents itself to an upstream
// proxy (RFC 7617), with its line end, "" for nobody.
func basicAuth(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)) + "\r\n"
}

// appendHead appends the head of a request as the other end of the connection
// wants it: an origin, or an upstream proxy that forwards it.
func (oc *originConn) appendHead(dst []byte, req *traffic.Request) []byte {
	if oc.forward == nil {
		return h1.AppendRequest(dst, req, req.URL.Target)
	}
	u := req.URL
	if u.Target == "*" {
		u.Target = "" // RFC 9112 section 3.2.4
	}
	dst = h1.AppendRequest(dst, req, u.String())
	dst = append(dst[:len(dst)-len("\r\n")], basicAuth(oc.forward.User)...)
	return append(dst, "\r\n"...)
}

// aheadConn is a connection of which the first bytes were read already.
type aheadConn struct {
	net.Conn
	ahead []byte
}

// Read reads those first.
func (a *aheadConn) Read(p []byte) (int, error) {
	if len(a.ahead) == 0 {
		return a.Conn.Read(p)
	}
	n := copy(p, a.ahead)
	a.ahead = a.ahead[n:]
	return n, nil
}

// WriteTo writes those first. It lets the system copy the rest by itself.
func (a *aheadConn) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(a.ahead)
	a.ahead = a.ahead[n:]
	if err != nil {
		return int64(n), err
	}
	m, err := io.Copy(w, a.Conn)
	return int64(n) + m, err
}

// CloseWrite ends the sending half of the connection.
func (a *aheadConn) CloseWrite() error { return closeWrite(a.Conn) }

// NetConn returns the connection itself.
func (a *aheadConn) NetConn() net.Conn { return a.Conn }
