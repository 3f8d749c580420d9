package loopback

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// IsHost reports whether a host, with or without port, is this machine.
func IsHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// defaultPorts are those of origins that have none, by scheme.
var defaultPorts = map[string]int{"http": 80, "https": 443}

// IsPage reports whether a web page of an origin is of this machine, as what is no
// page is (""). relays reports whether what others have written is served at a port of
// this machine, whose pages are theirs; nil is no port.
func IsPage(origin string, relays func(port int) bool) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || !IsHost(u.Host) {
		return false
	}
	port, web := defaultPorts[u.Scheme]
	if text := u.Port(); web && text != "" {
		port, err = strconv.Atoi(text)
	}
	return web && err == nil && (relays == nil || !relays(port))
}
