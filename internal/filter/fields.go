package filter

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// exchangeFields are the fields of exchanges that are not content.
func exchangeFields() []*field {
	return []*field{
		named("method", "m").texts(buildMethod),
		named("host", "h").texts(buildHost),
		named("url", "u").withoutRegexp().texts(buildURL),
		named("path").withoutRegexp().texts(simple(globInner, pathOf)),
		named("status", "s").statuses(),
		named("type").texts(buildType),
		named("dur").numbers("a duration such as 500ms or 1.5s", duration, durationScan, durationOf),
		named("size").numbers("a size such as 512, 1.5MB or 64KiB", byteSize, sizeScan, sizeOf),
		named("ip").texts(buildIP),
		named("port").numbers("a port or a range of them", whole, onlyOn(exchangeLines|tunnelLine), portOf),
		named("proto").texts(simple(noGlobs, protoOf)),
		named("id").numbers("a number or a range of them", whole, onlyOn(exchangeLines), idOf),
		named("conn").numbers("a number or a range of them", whole, onlyOn(exchangeLines|tunnelLine|tlsLine), connOf),
		named("rule").texts(simple(noGlobs, ruleOf)),
		named("tag").texts(simple(noGlobs, tagOf)),
		named("comment").texts(withoutScan(commentOf)),
		named("session").texts(withoutScan(sessionOf)),
	}
}

// withoutRegexp is for fields whose values often begin and end with a slash.
func (f field) withoutRegexp() field {
	f.mode = noRegexp
	return f
}

// withoutScan builds terms of a text that lines of a recording do not have.
func withoutScan(of func(*Subject, *text) verdict) func(*parser, clause) (*term, *SyntaxError) {
	return func(p *parser, c clause) (*term, *SyntaxError) {
		t, err := p.texts(c, noGlobs, nil)
		if err != nil {
			return nil, err
		}
		return &term{match: func(s *Subject) bool { return t.decide(of(s, t)) }}, nil
	}
}

// buildMethod builds method:GET, which does not look for a part of the method.
func buildMethod(p *parser, c clause) (*term, *SyntaxError) {
	t, err := p.texts(c, noGlobs, func(v value) pattern { return equals(v.text) })
	if err != nil {
		return nil, err
	}
	return &term{may: methodScan(t), match: func(s *Subject) bool {
		r := s.request()
		return r != nil && t.any(r.Method) != t.negated
	}}, nil
}

// buildURL builds url:text. What looks for a text looks at its parts first,
// which most texts are in.
func buildURL(p *parser, c clause) (*term, *SyntaxError) {
	t, err := p.texts(c, globInner, nil)
	if err != nil {
		return nil, err
	}
	return &term{
		match: func(s *Subject) bool { return t.decide(urlOf(s, t)) },
		may:   textScan(t, httpLines, wsLines, false),
	}, nil
}

// urls has buffers to put URLs together in.
var urls = sync.Pool{New: func() any { return new(make([]byte, 0, 512)) }}

func urlOf(s *Subject, t *text) verdict {
	r := s.request()
	if r == nil {
		return absent
	}
	for i := range t.all {
		if p := &t.all[i]; p.contains && (p.match(r.URL.Target) || p.match(r.URL.Authority)) {
			return fits
		}
	}
	buf := urls.Get().(*[]byte)
	defer urls.Put(buf)
	u := append((*buf)[:0], s.scheme()...)
	u = append(u, "://"...)
	u = append(u, r.URL.Authority...)
	u = append(u, r.URL.Target...)
	*buf = u
	return t.of(view(u))
}

func pathOf(s *Subject, t *text) verdict {
	r := s.request()
	if r == nil {
		return absent
	}
	return t.of(r.URL.Path())
}

// statuses makes f the status code.
func (f field) statuses() *field {
	f.ops, f.build = numberOps, func(p *parser, c clause) (*term, *SyntaxError) {
		n, err := p.numbers(c, statusCode, "a status code, a class such as 4xx or a range")
		if err != nil {
			return nil, err
		}
		return &term{may: statusScan(n), match: func(s *Subject) bool {
			r := s.response()
			return r != nil && n.match(int64(r.Status))
		}}, nil
	}
	return &f
}

// buildType builds type:json, of a request or of a response.
func buildType(p *parser, c clause) (*term, *SyntaxError) {
	t, err := p.mediaTypes(c)
	if err != nil {
		return nil, err
	}
	return &term{may: textScan(t, httpLines, wsLines, false), match: func(s *Subject) bool {
		v := absent
		if r := s.request(); r != nil {
			v = headerOf(r.Header, contentType, t)
		}
		if r := s.response(); r != nil {
			v = v.or(headerOf(r.Header, contentType, t))
		}
		return t.decide(v)
	}}, nil
}

func protoOf(s *Subject, t *text) verdict {
	r := s.request()
	if r == nil {
		return absent
	}
	return t.of(r.Proto)
}

// durationOf returns how long something took, which is known only of what ended.
// A connection took as long as it was open.
func durationOf(s *Subject) (int64, bool) {
	switch {
	case s.Close != nil:
		return int64(s.Close.Duration), true
	case s.Tunnel != nil:
		return int64(s.Tunnel.Duration), true
	case isExchange(s) && !s.Pending:
		return int64(s.Exchange.Duration), true
	}
	return 0, false
}

// sizeOf returns the bytes of the content of a frame, of a response, or of a
// request that has none yet; of a tunnel those of both directions.
func sizeOf(s *Subject) (int64, bool) {
	switch {
	case s.Frame != nil:
		return s.Frame.Size, true
	case s.Tunnel != nil:
		return s.Tunnel.BytesUp + s.Tunnel.BytesDown, true
	case !isExchange(s):
		return 0, false
	}
	if r := s.response(); r != nil {
		return bodySize(s.Exchange.ResponseBody, r.Length)
	}
	if r := s.request(); r != nil {
		return bodySize(s.Exchange.RequestBody, r.Length)
	}
	return 0, false
}

// bodySize returns the size of a body, or else what its message says of it.
func bodySize(b *traffic.Body, length int64) (int64, bool) {
	if b != nil {
		return b.Size(), true
	}
	return length, length >= 0
}

func portOf(s *Subject) (int64, bool) {
	port := ""
	switch r := s.request(); {
	case r != nil:
		port = r.URL.Port()
	case s.Tunnel != nil:
		_, port = splitHostPort(s.Tunnel.Target)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return int64(n), err == nil
}

func idOf(s *Subject) (int64, bool) {
	if s.Exchange == nil {
		return 0, false
	}
	return int64(s.Exchange.ID), true
}

func connOf(s *Subject) (int64, bool) {
	switch {
	case s.Exchange != nil:
		return int64(s.Exchange.Conn), true
	case s.Tunnel != nil:
		return int64(s.Tunnel.Conn), true
	case s.TLSFailed != nil:
		return int64(s.TLSFailed.Conn), true
	}
	return 0, false
}

func ruleOf(s *Subject, t *text) verdict {
	if s.Exchange == nil {
		return absent
	}
	return anyOf(s.Exchange.Rules, t)
}

func tagOf(s *Subject, t *text) verdict {
	if s.Exchange == nil {
		return absent
	}
	return anyOf(s.Exchange.Tags, t)
}

// anyOf returns what a list of labels says, which an empty one lacks.
func anyOf(labels []string, t *text) verdict {
	v := absent
	for _, label := range labels {
		v = v.or(t.of(label))
	}
	return v
}

func commentOf(s *Subject, t *text) verdict { return given(s.Comment, t) }
func sessionOf(s *Subject, t *text) verdict { return given(s.Session, t) }

// given returns what a text says that is absent when empty.
func given(s string, t *text) verdict {
	if s == "" {
		return absent
	}
	return t.of(s)
}

// buildIP builds ip:10.0.0.1, ip:10.0.0.0/8 and ip:10.0, of the client or the
// server.
func buildIP(p *parser, c clause) (*term, *SyntaxError) {
	t, err := p.texts(c, noGlobs, nil)
	if err != nil {
		return nil, err
	}
	var nets []netip.Prefix
	if c.op != opMatches {
		for i, v := range slices.Backward(c.values) {
			if n, ok := network(v.text); ok {
				nets = append(nets, n)
				t.all = slices.Delete(t.all, i, i+1)
			}
		}
	}
	of := func(address string) verdict {
		host, _ := splitHostPort(address)
		if host == "" {
			return absent
		}
		if addr, err := netip.ParseAddr(host); err == nil && inAny(nets, addr.Unmap().WithZone("")) {
			return fits
		}
		return t.of(host)
	}
	lines := exchangeLines | tunnelLine | tlsLine
	return &term{may: only(lines), match: func(s *Subject) bool {
		switch {
		case s.Exchange != nil:
			return t.decide(of(s.Exchange.Client).or(of(s.Exchange.Server)))
		case s.Tunnel != nil:
			return t.decide(of(s.Tunnel.Client))
		default:
			return s.TLSFailed != nil && t.decide(of(s.TLSFailed.Client))
		}
	}}, nil
}

// network reads an address, or one with the length of a prefix.
func network(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	n, err := netip.ParsePrefix(s)
	return n, err == nil
}

func inAny(nets []netip.Prefix, addr netip.Addr) bool {
	for _, n := range nets {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// splitHostPort splits host:port; IPv6 literals lose their brackets.
func splitHostPort(s string) (host, port string) {
	u := traffic.URL{Authority: s}
	host = u.Hostname()
	if len(s) > len(host)+len("[]") || len(s) > len(host) && s[0] != '[' {
		port = s[strings.LastIndexByte(s, ':')+1:]
	}
	return host, port
}
