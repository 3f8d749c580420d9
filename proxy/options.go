package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/traffic"
)

// Options says what a Proxy does. The zero value answers every request with a
// failure: a useful proxy has a Network, Layers, or both.
type Options struct {
	// Observer is told what happens; nil means nobody is.
	Observer traffic.Observer
	// Layers wrap each other around the network, the first outermost. Each is
	// built once per client connection.
	Layers []Layer
	// Network reaches origins. nil means that there is no way out: what no
	// layer answers fails, and nothing is ever dialled or resolved.
	Network *Network
	// MinTLS is the lowest version of TLS that clients may speak, as in package
	// crypto/tls; 0 means 1.2. Below that they may also use the ciphers of that time.
	MinTLS uint16
	// KeyLog gets the secrets of clients' TLS in the format of NSS, with which others
	// can read it; nil for no one. It is written to by any goroutine.
	KeyLog io.Writer
	// HTTP1Only keeps clients and origins to HTTP/1.1.
	HTTP1Only bool
	// CA signs the certificates shown to clients. nil means that TLS is never
	// opened but passed through. New sets its OnIssue.
	CA *ca.Authority
	// Auth is asked for in proxy requests, CONNECT and SOCKS; zero asks nobody.
	// Requests to the origin behind a listener need none.
	Auth Credentials
	// AllowFrom are the addresses that clients may connect from, beside those of
	// the loopback; nil means all.
	AllowFrom []netip.Prefix
	// AllowHost reports whether requests to the origin behind a listener may come to
	// the loopback for another host than this machine and that origin: a web page can
	// send them whose name resolves here. It is called by any goroutine; nil is for no
	// host.
	AllowHost func(host string) bool
	// Passthrough names hosts whose TLS is not opened, matched against the
	// CONNECT name and the server name of the hello: an exact name, "*." and a
	// suffix, or a range of addresses as 10.0.0.0/8.
	Passthrough []string
	// PassthroughNow returns more of them. It is called for each connection, by
	// any goroutine; nil is for none.
	PassthroughNow func() []string
	// Grace is how long exchanges in flight may go on after the stop; 0 means
	// 5 s, -1 none.
	Grace time.Duration
	// MaxBody is how many bytes of each body are captured, counted before
	// content decoding; 0 means 64 MiB, -1 no limit. Of a WebSocket frame it is
	// the content after inflating, and 16 MiB at most.
	MaxBody int64
	// BodyChunks and TunnelData report whether traffic.BodyChunk and
	// traffic.TunnelData events are wanted now. They are called for each piece that
	// passes, by any goroutine; nil is for never.
	BodyChunks, TunnelData func() bool
	// Frames returns what decides about the messages of the WebSocket connection
	// that x has opened. ctx is done when the connection has ended or is being
	// closed, and has Notes for events; w may be used at once, by any goroutine.
	// nil, or a nil result, leaves the connection alone, whose bytes then pass as
	// they come, and w must not be used any more. Frames is not asked about a
	// connection that is WebSocket.Opaque.
	Frames func(ctx context.Context, x *traffic.Exchange, w traffic.FrameWriter) traffic.FrameFilter
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// Layer puts a RoundTripper in front of next. next is nil where there is no
// network behind it.
//
// The context of RoundTrip has traffic.Notes, with which a layer says what it
// does. It is done when the client has left, which is noticed once the request
// was read, or when the proxy stops. next is not called any more when RoundTrip
// has returned. Messages that a layer makes or changes are sent with framing that
// fits their Body and Length; what cannot be a message is a failure. Host is the
// layer's to set when it sends a request elsewhere. What breaks an exchange in
// other ways is a *traffic.Failure with its End.
type Layer func(next traffic.RoundTripper) traffic.RoundTripper

// Listener is one address a Proxy accepts connections on.
type Listener struct {
	// Addr is host:port; port 0 picks a free one.
	Addr string
	// Reverse, if not nil, sends origin-form requests to this origin: its
	// scheme and authority, and its path in front of theirs.
	Reverse *traffic.URL
	// KeepHost leaves the Host field as the client sent it in reverse mode;
	// otherwise it names the origin.
	KeepHost bool
	// Origin lets the layers answer origin-form requests, with Host as the
	// authority: a recording served to clients whose base URL is this address.
	Origin bool
	// Transparent serves connections that the system has redirected here as if they
	// had reached where they were going (Linux with netfilter). Those that were not
	// are served as anywhere else.
	Transparent bool
	// Raw, if not "", is the host:port that connections are passed to unread, each
	// as a traffic.Tunnel. It needs a Network.
	Raw string
	// Tags are given to everything that happens here.
	Tags []string
	// Options, if not nil, are in force here in place of the Proxy's, but for CA,
	// MinTLS, KeyLog, Grace and Log.
	Options *Options
	// Accepted, if not nil, is given each connection before anything is read and
	// returns what is used in its place: the same one, or one around it that has
	// NetConn and CloseWrite as a *tls.Conn has. It is called by one goroutine.
	Accepted func(net.Conn) net.Conn
}

// ClientCert is a certificate for origins.
type ClientCert struct {
	// Host is the origin's name, or "*." and a suffix.
	Host string
	Cert tls.Certificate
}

// Network says how origins are reached. The zero value resolves with the
// system's resolver and verifies certificates against the system's roots.
type Network struct {
	// Insecure turns off certificate verification for all origins,
	// InsecureHosts for those named (exact, or "*." and a suffix).
	Insecure      bool
	InsecureHosts []string
	// RootCAs are the roots trusted; nil means the system's.
	RootCAs *x509.CertPool
	// ClientCerts are what necto shows to origins that ask for a certificate. The
	// first one with the origin's exact name counts, then the first pattern that
	// matches.
	ClientCerts []ClientCert
	// Resolve maps "host:port" to the "address" dialled in its place, as
	// curl's --resolve; an address may bring a port of its own.
	Resolve map[string]string
	// Upstream returns the upstream proxy for the origin at u, whose scheme is
	// http or https (also for what is inside a CONNECT that was not looked into
	// yet) and whose host has a port; nil means none. Its URL has the scheme http,
	// https, socks5 (names are resolved here) or socks5h (by the proxy), and may
	// have user and password. It is called by any goroutine when a connection is
	// opened. nil is for no upstream proxy at all.
	Upstream func(u *url.URL) (*url.URL, error)
	// Resolver looks up names; nil is the system's.
	Resolver *net.Resolver
	// MinTLS and KeyLog are for origins what those of Options are for clients.
	MinTLS uint16
	KeyLog io.Writer
	// Dialed, if not nil, is told how each attempt to connect to an origin or an
	// upstream proxy at addr, host:port, has ended, but for those that were given
	// up. It is called by any goroutine.
	Dialed func(addr string, err error)
	// DialTimeout bounds name look-up and connect, 0 means 30 s;
	// TLSTimeout the handshake, 0 means 15 s.
	DialTimeout, TLSTimeout time.Duration
}
