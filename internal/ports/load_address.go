package ports

import (
	"fmt"
	"net"
	"net/url"

	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/traffic"
)

// target returns a setter of the URL of an origin.
func (d *decoder) target(to **traffic.URL) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		u, err := traffic.ParseURL(s)
		if err == nil && u.Scheme != "http" && u.Scheme != "https" {
			err = fmt.Errorf("the scheme of %q is neither http nor https", s)
		} else if _, has := u.Query(); err == nil && has {
			err = fmt.Errorf("an origin has no query, %q has", s)
		}
		if err != nil {
			d.problem(n, "%v", err)
			return
		}
		*to = &u
	}
}

// raw returns a setter of host:port.
func (d *decoder) raw(to *string) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" || traffic.CheckAuthority(s) != nil {
			d.problem(n, "%q is not host:port", s)
			return
		}
		*to = s
	}
}

// upstreamPorts are the ports of upstream proxies that have none in their URL, by
// scheme.
var upstreamPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// upstream returns a setter of the URL of an upstream proxy. Problems do not tell its
// password.
func (d *decoder) upstream(to **url.URL) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		u, err := url.Parse(s)
		if err != nil || upstreamPorts[u.Scheme] == "" || traffic.CheckAuthority(u.Host) != nil ||
			u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
			d.problem(n, "it is not the URL of a proxy, such as http://user:password@proxy.example.com:3128 or socks5h://127.0.0.1:1080")
			return
		}
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), upstreamPorts[u.Scheme])
		}
		u.Path = ""
		*to = u
	}
}
