package ca

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrHost says that no certificate can be issued for a text, because it is
// neither a host name nor an IP address.
var ErrHost = errors.New("not a host name or IP address")

// maxHost and maxLabel are the longest host name and the longest part of one
// between dots, in bytes, RFC 1035 section 2.3.4.
const (
	maxHost  = 253
	maxLabel = 63
)

// parseHost returns the name a certificate for host is issued to, and the
// address if it is one. Brackets and zone of an address are stripped, a name is
// lower-cased and loses the dot at its end. The error is ErrHost.
func parseHost(host string) (name string, addr netip.Addr, err error) {
	bare := strings.TrimSuffix(host, ".") // behind an address, too, where a URL has it
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		bare = host[1 : len(host)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		addr = addr.WithZone("").Unmap()
		return addr.String(), addr, nil
	}
	name = strings.ToLower(strings.TrimSuffix(host, "."))
	if !isHostName(name) {
		return "", addr, fmt.Errorf("%w: %.100q", ErrHost, host)
	}
	return name, addr, nil
}

// isHostName accepts letters, digits, hyphens and underscores (which DNS
// carries and real hosts use) in non-empty labels. A wildcard is no host.
func isHostName(name string) bool {
	if len(name) > maxHost {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || strings.IndexFunc(label, notInLabel) >= 0 {
			return false
		}
	}
	return true
}

func notInLabel(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
		return false
	}
	return true
}
