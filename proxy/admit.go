package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/socks"
	"github.com/necto-dev/necto/traffic"
)

// notAdmitted is said of a client's address.
const notAdmitted = "clients at %s are not admitted"

// challenge asks for a user and a password (RFC 7617).
const challenge = `Basic realm="necto"`

// Credentials are a user and a password. The zero value is nobody's.
type Credentials struct{ User, Password string }

func (c Credentials) isZero() bool { return c == Credentials{} }

// match compares without telling by its time how much is right.
func (c Credentials) match(user, password string) bool {
	want := sha256.Sum256([]byte(c.User + ":" + c.Password))
	got := sha256.Sum256([]byte(user + ":" + password))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// basicCredentials reads the value of Proxy-Authorization (RFC 7617); ok is false if
// that is none, or of another scheme.
func basicCredentials(value string) (user, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// admit reports whether the client may send this request, and takes the tags from
// its credentials. A request to the origin behind a listener is not one to a proxy,
// and what is inside a tunnel was admitted with that.
func (c *clientConn) admit(req *traffic.Request) bool {
	if c.tunnel != nil {
		return true
	}
	c.tags = c.opts.Tags
	if isOriginForm(req) {
		return true
	}
	tags, err := c.checkCredentials(req)
	if err == nil {
		c.tags = tags
		return true
	}
	c.clientError(err.Status, traffic.FailProtocol, err.Text, headOf(req))
	var fields []string
	if err.Status == http.StatusProxyAuthRequired {
		fields = append(fields, "Proxy-Authenticate: "+challenge+"\r\n")
	}
	if c.writeText(err.Status, err.Text, req.Method != http.MethodHead, fields...) == nil {
		c.lingerClose()
	}
	return false
}

// checkCredentials looks at what a request to a proxy presents itself with, which
// goes no further, and returns the tags of what the client does. Without the password
// that is wanted the error has the status 407 (RFC 9110 section 11.7.1).
func (c *clientConn) checkCredentials(req *traffic.Request) ([]string, *h1.Error) {
	tags := c.opts.Tags
	value := req.Header.Get("Proxy-Authorization")
	user, password, ok := basicCredentials(value)
	auth := c.p.opts.Auth
	switch {
	case !auth.isZero() && value == "":
		return nil, &h1.Error{Status: http.StatusProxyAuthRequired, Text: "the proxy wants a user and a password"}
	case !auth.isZero() && (!ok || !auth.match(user, password)):
		return nil, &h1.Error{Status: http.StatusProxyAuthRequired, Text: "the proxy does not accept the user and the password"}
	case !auth.isZero():
	case user == metadataUser:
		given, err := parseMetadata(password)
		if err != nil {
			return nil, &h1.Error{Status: http.StatusBadRequest, Text: err.Error()}
		}
		tags = append(slices.Clip(tags), given...)
	default:
		return tags, nil // the credentials are not necto's
	}
	req.Header = req.Header.Without("Proxy-Authorization")
	return tags, nil
}

// socksUsers returns who may come in by SOCKS.
func (c *clientConn) socksUsers() socks.Users {
	if auth := c.p.opts.Auth; !auth.isZero() {
		return socks.Users{Check: auth.match, Required: true}
	}
	return socks.Users{Check: func(user, password string) bool {
		if user != metadataUser {
			return true
		}
		given, err := parseMetadata(password)
		c.tags = append(slices.Clip(c.opts.Tags), given...)
		return err == nil
	}}
}

// admitAddress reports whether the client may connect from where it is.
func (c *clientConn) admitAddress() bool {
	if admitted(c.p.opts.AllowFrom, c.raw.RemoteAddr()) {
		return true
	}
	c.reject(http.StatusForbidden, traffic.FailProtocol, fmt.Sprintf(notAdmitted, c.client), nil)
	return false
}

// admitUnread is admitAddress for a client that does not know whom it talks to, and
// so cannot be answered.
func (c *clientConn) admitUnread() bool {
	if admitted(c.p.opts.AllowFrom, c.raw.RemoteAddr()) {
		return true
	}
	c.clientError(0, traffic.FailProtocol, fmt.Sprintf(notAdmitted, c.client), nil)
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
