package traffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// URL says where a request goes. It is split only as far as routing needs: path
// and query stay exactly as they were sent, also where net/url would refuse
// them, because a proxy must not alter them (RFC 9110 section 7.7).
type URL struct {
	// Scheme is http, https, ws or wss, in lower case.
	Scheme string
	// Authority is host or host:port as sent, IPv6 literals in brackets,
	// without user information.
	Authority string
	// Target is path and query as sent: it begins with "/", or is "*" for
	// OPTIONS. For CONNECT it is empty.
	Target string
}

// ParseURL splits an absolute URL of one of the four schemes. A missing path
// becomes "/", a fragment and user information are dropped.
func ParseURL(s string) (URL, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" {
		return URL{}, fmt.Errorf("url %.200q: no scheme", s)
	}
	rest, _, _ = strings.Cut(rest, "#")
	u := URL{Scheme: strings.ToLower(scheme), Authority: rest, Target: "/"}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
	default:
		return URL{}, fmt.Errorf("url %.200q: unsupported scheme %.20q", s, scheme)
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		u.Authority, u.Target = rest[:i], rest[i:]
		if u.Target[0] == '?' {
			u.Target = "/" + u.Target
		}
	}
	if i := strings.LastIndexByte(u.Authority, '@'); i >= 0 {
		u.Authority = u.Authority[i+1:]
	}
	if err := CheckAuthority(u.Authority); err != nil {
		return URL{}, fmt.Errorf("url %.200q: %w", s, err)
	}
	return u, nil
}

// String returns the URL as text, path and query as sent. One without a scheme,
// as other tools' recordings may have, begins with its authority.
func (u URL) String() string {
	if u.Scheme == "" {
		return u.Authority + u.Target
	}
	return u.Scheme + "://" + u.Authority + u.Target
}

// Path returns the part of Target before the first "?".
func (u URL) Path() string {
	path, _, _ := strings.Cut(u.Target, "?")
	return path
}

// Query returns the part of Target behind the first "?", and whether there is
// one.
func (u URL) Query() (string, bool) {
	_, query, ok := strings.Cut(u.Target, "?")
	return query, ok
}

// Hostname returns the host without port and brackets, as spelled.
func (u URL) Hostname() string {
	host, _ := splitAuthority(u.Authority)
	return host
}

// Port returns the port as decimal digits: the one of the authority, else the
// default of the scheme (443 for https and wss, 80 otherwise).
func (u URL) Port() string {
	if _, port := splitAuthority(u.Authority); port != "" {
		return port
	}
	return DefaultPort(u.Scheme)
}

// HostPort returns host:port ready for a dialer.
func (u URL) HostPort() string {
	return net.JoinHostPort(u.Hostname(), u.Port())
}

// Secure reports whether the scheme asks for TLS.
func (u URL) Secure() bool {
	return u.Scheme == "https" || u.Scheme == "wss"
}

// IsWebSocket reports whether the scheme is ws or wss.
func (u URL) IsWebSocket() bool {
	return u.Scheme == "ws" || u.Scheme == "wss"
}

// WebSocket returns the URL of the connection that a handshake for u opens (RFC
// 6455 section 3): ws in the place of http, wss in that of https. Other schemes
// stay.
func (u URL) WebSocket() URL {
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	}
	return u
}

// Handshake is the inverse of WebSocket.
func (u URL) Handshake() URL {
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	}
	return u
}

// DefaultPort returns the port a scheme implies: 443 for https and wss, 80
// otherwise.
func DefaultPort(scheme string) string {
	if scheme == "https" || scheme == "wss" {
		return "443"
	}
	return "80"
}

// splitAuthority splits host[:port]; port is "" when absent, host has no
// brackets.
func splitAuthority(authority string) (host, port string) {
	if strings.HasPrefix(authority, "[") {
		if i := strings.IndexByte(authority, ']'); i >= 0 {
			return authority[1:i], strings.TrimPrefix(authority[i+1:], ":")
		}
	}
	if i := strings.LastIndexByte(authority, ':'); i >= 0 {
		return authority[:i], authority[i+1:]
	}
	return authority, ""
}

// CheckAuthority returns nil if s is host or host:port as RFC 9110 section 7.2
// allows it in Host, else what is wrong with it. Bytes of 0x80 and above pass,
// as some clients send international names unencoded.
func CheckAuthority(s string) error {
	host, port := splitAuthority(s)
	if host == "" {
		return errors.New("no host")
	}
	for i := 0; i < len(host); i++ {
		if c := host[i]; c <= ' ' || c == 0x7f || strings.IndexByte("\"#/<>?@[\\]^`{|}", c) >= 0 {
			return fmt.Errorf("invalid byte %q in host", c)
		}
	}
	if s[0] == '[' {
		return checkIPv6(host, s[len("[")+len(host)+len("]"):])
	}
	if strings.Contains(host, ":") {
		return errors.New("an IPv6 host needs brackets")
	}
	return checkPort(port)
}

// checkIPv6 checks what is inside brackets and what follows them.
func checkIPv6(host, rest string) error {
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() {
		return fmt.Errorf("invalid IPv6 address %.80q", host)
	}
	if rest != "" && rest[0] != ':' {
		return fmt.Errorf("invalid port %.20q", rest)
	}
	return checkPort(strings.TrimPrefix(rest, ":"))
}

func checkPort(port string) error {
	n := 0
	for i := 0; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' || n > 65535 {
			return fmt.Errorf("invalid port %.20q", port)
		}
		n = n*10 + int(port[i]-'0')
	}
	if n > 65535 {
		return fmt.Errorf("invalid port %.20q", port)
	}
	return nil
}
