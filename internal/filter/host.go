package filter

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// hostPattern is one value behind host.
type hostPattern struct {
	pattern
	// domain means that the host is the one asked for or one below it.
	domain bool
	// port is what the host's port has to be, "" for any.
	port string
}

func (h *hostPattern) match(host string) bool {
	if !h.domain {
		return h.pattern.match(host)
	}
	name := h.folded.low
	above := len(host) - len(name)
	return above >= 0 && equalFold(host[above:], name) && (above == 0 || name[0] == '.' || host[above-1] == '.')
}

// buildHost builds host:api, a part of the name, host:example.com, a domain with
// all below it, and host:*.example.com; each may have :port behind it.
func buildHost(p *parser, c clause) (*term, *SyntaxError) {
	t := &text{negated: c.op == opUnequal}
	hosts := make([]hostPattern, len(c.values))
	for i, v := range c.values {
		var h hostPattern
		if c.op != opMatches && !v.regexp {
			v.text, h.port = splitPort(v.text)
		}
		var err *SyntaxError
		if h.pattern, err = p.pattern(c.op, v, globWhole, nil); err != nil {
			return nil, err
		}
		h.domain = h.contains && strings.Contains(strings.TrimSuffix(v.text, "."), ".")
		hosts[i] = h
		t.all = append(t.all, h.pattern)
	}
	return &term{
		may: textScan(t, httpLines|tunnelLine|tlsLine, wsLines, false),
		match: func(s *Subject) bool {
			return t.decide(hostOf(s, hosts))
		},
	}, nil
}

// splitPort splits host:port. An IPv6 address has a port only in brackets, which
// it loses.
func splitPort(s string) (host, port string) {
	if strings.Count(s, ":") == 1 || strings.HasPrefix(s, "[") {
		host, port = splitHostPort(s)
		if strings.Trim(port, "0123456789") == "" {
			return host, port
		}
	}
	return s, ""
}

// hostOf compares the host of the URL; of a tunnel its target and the name in
// its TLS hello, of a failed handshake that name.
func hostOf(s *Subject, hosts []hostPattern) verdict {
	switch r := s.request(); {
	case r != nil:
		return hostVerdict(r.URL.Hostname(), r.URL, hosts)
	case s.Tunnel != nil:
		target := traffic.URL{Scheme: "https", Authority: s.Tunnel.Target}
		return hostVerdict(target.Hostname(), target, hosts).or(hostVerdict(s.Tunnel.SNI, target, hosts))
	case s.TLSFailed != nil:
		return hostVerdict(s.TLSFailed.SNI, traffic.URL{}, hosts)
	}
	return absent
}

// hostVerdict compares a host, whose port is that of u.
func hostVerdict(host string, u traffic.URL, hosts []hostPattern) verdict {
	if host == "" {
		return absent
	}
	for i := range hosts {
		if h := &hosts[i]; h.match(host) && (h.port == "" || h.port == u.Port()) {
			return fits
		}
	}
	return differs
}
