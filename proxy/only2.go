package proxy

import (
	"errors"
	"net"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/necto-dev/necto/traffic"
)

// maxOnly2 is how many origins are remembered that have refused HTTP/1.1.
const maxOnly2 = 1000

// only2 are origins that have refused HTTP/1.1, for all clients. Its methods may be
// called concurrently.
type only2 struct{ origins *lru.Cache[target, struct{}] }

func newOnly2() only2 {
	origins, _ := lru.New[target, struct{}](maxOnly2) // which fails only for less than 1
	return only2{origins}
}

// originOf returns t without what is about the way there.
func originOf(t target) target { return target{addr: t.addr, secure: t.secure, sni: t.sni} }

func (s only2) has(t target) bool { return s.origins.Contains(originOf(t)) }
func (s only2) add(t target)      { s.origins.Add(originOf(t), struct{}{}) }
func (s only2) remove(t target)   { s.origins.Remove(originOf(t)) }

// refuses1 reports whether err is the end of a handshake with an origin that does
// not speak HTTP/1.1 (RFC 7301 section 3.2). crypto/tls has no type for an alert that
// was received: only its text tells which one it was.
func refuses1(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && strings.HasSuffix(op.Error(), "no application protocol")
}

// settingsHead is the length of the frame header of SETTINGS, with which HTTP/2
// begins, and settingsEntry that of one of them.
const settingsHead, settingsEntry = 9, 6

// saysHTTP2 reports whether an origin that was asked in HTTP/1.1, and had not chosen
// that, has answered in HTTP/2: servers that do not mind what a client offers do.
func (oc *originConn) saysHTTP2() bool {
	p := oc.r.Buffered()
	if !oc.target.secure || oc.protocol() != "" || len(p) < settingsHead {
		return false
	}
	size := int(p[0])<<16 | int(p[1])<<8 | int(p[2])
	return size%settingsEntry == 0 && string(p[3:settingsHead]) == "\x04\x00\x00\x00\x00\x00"
}

var errSaysHTTP2 = errors.New("it answers in HTTP/2 what it was asked in HTTP/1.1")

// answersInHTTP2 is the failure of a request to such an origin, which has done
// nothing with it.
func answersInHTTP2(req *traffic.Request) error {
	return &traffic.Failure{
		Kind: traffic.FailProtocol, Side: traffic.SideUpstream,
		Text: req.URL.Authority + ": " + errSaysHTTP2.Error(), Err: errSaysHTTP2,
	}
}

// turnsTo2 reports whether a request in HTTP/1 failed because t speaks only HTTP/2,
// which is remembered, and lets v be what it may be sent in then.
func (o *origins) turnsTo2(t target, v *versions, err error) bool {
	if *v != rather1 || !refuses1(err) && !errors.Is(err, errSaysHTTP2) {
		return false
	}
	o.d.only2.add(t)
	*v = either // it may have changed
	return true
}

// noWebSockets is the failure of a handshake for which there is no way.
func noWebSockets(req *traffic.Request) error {
	return &traffic.Failure{
		Kind: traffic.FailProtocol, Side: traffic.SideUpstream,
		Text: req.URL.Authority + ": it speaks only HTTP/2, and takes no WebSocket connections there",
	}
}
