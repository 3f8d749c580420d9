package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// Credentials are a user and a password. The zero value is nobody's.
type Credentials struct{ User, Password string }

func (c Credentials) isZero() bool { return c == Credentials{} }

// match compares without telling by its time how much is right.
func (c Credentials) match(user, password string) bool {
	want := sha256.Sum256([]byte(c.User + ":" + c.Password))
	got := sha256.Sum256([]byte(user + ":" + password))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// checkSOCKS returns what a SOCKS handshake asks about users, nil for nothing.
func (c Credentials) checkSOCKS() func(user, password string) bool {
	if c.isZero() {
		return nil
	}
	return c.match
}

// matchBasic is match for the value of Proxy-Authorization (RFC 7617).
func (c Credentials) matchBasic(value string) bool {
	scheme, encoded, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return false
	}
	user, password, ok := strings.Cut(string(text), ":")
	return ok && c.match(user, password)
}

// admit reports whether the client may send this request. A request to the origin
// behind a listener is not one to a proxy, and what is inside a tunnel was admitted
// with that. The password goes no further.
func (c *clientConn) admit(req *traffic.Request) bool {
	auth := c.p.opts.Auth
	if auth.isZero() || c.tunnel != nil || isOriginForm(req) {
		return true
	}
	value := req.Header.Get("Proxy-Authorization")
	if !auth.matchBasic(value) {
		c.refuseUser(req, value != "")
		return false
	}
	req.Header = req.Header.Without("Proxy-Authorization")
	return true
}

// refuseUser asks for the user and the password (RFC 9110 section 11.7.1).
func (c *clientConn) refuseUser(req *traffic.Request, tried bool) {
	const status = http.StatusProxyAuthRequired
	text := refusal(tried)
	c.clientError(status, traffic.FailProtocol, text, headOf(req))
	if err := c.writeText(status, text, req.Method != http.MethodHead, "Proxy-Authenticate: Basic realm=\"necto\"\r\n"); err == nil {
		c.lingerClose()
	}
}

// refusal says why a client is asked for a user and a password.
func refusal(tried bool) string {
	if tried {
		return "the proxy does not accept the user and the password"
	}
	return "the proxy wants a user and a password"
}

// admitStream is admit for a request of HTTP/2 to a proxy.
func (c *clientConn) admitStream(req *traffic.Request) error {
	auth := c.p.opts.Auth
	if auth.isZero() {
		return nil
	}
	value := req.Header.Get("Proxy-Authorization")
	if !auth.matchBasic(value) {
		return &h1.Error{Status: http.StatusProxyAuthRequired, Text: refusal(value != "")}
	}
	req.Header = req.Header.Without("Proxy-Authorization")
	return nil
}

// admitAddress reports whether the client may connect from where it is.
func (c *clientConn) admitAddress() bool {
	if admitted(c.p.opts.AllowFrom, c.raw.RemoteAddr()) {
		return true
	}
	c.reject(http.StatusForbidden, traffic.FailProtocol, fmt.Sprintf("clients at %s are not admitted", c.client), nil)
	return false
}

// admitted reports whether addr is in one of the ranges, or of this machine. All
// are if there are no ranges.
func admitted(ranges []netip.Prefix, addr net.Addr) bool {
	tcp, ok := plainAddr(addr)
	if len(ranges) == 0 || ok && tcp.Addr().IsLoopback() {
		return true
	}
	for _, r := range ranges {
		if ok && r.Contains(tcp.Addr()) {
			return true
		}
	}
	return false
}
