package main

import (
	"crypto/x509"
	"fmt"
	"os"

	"golang.org/x/net/http/httpproxy"

	"github.com/necto-dev/necto/proxy"
)

// anyHost is the value of --insecure without one.
const anyHost = "*"

// networkOptions say how origins are reached.
type networkOptions struct {
	upstreamCA    string
	insecure      bool
	insecureHosts []string
	resolve       map[string]string
	upstream      upstreamOptions
	upstreams     *httpproxy.Config // what upstream says, nil for nothing
}

// complete takes the values of --insecure and --resolve.
func (o *networkOptions) complete(insecure, resolve []string) error {
	for _, host := range insecure {
		switch host {
		case anyHost:
			o.insecure = true
		case "":
			return usagef("--insecure=: empty host")
		default:
			o.insecureHosts = append(o.insecureHosts, host)
		}
	}
	o.resolve = make(map[string]string, len(resolve))
	for _, s := range resolve {
		from, to, err := parseResolve(s)
		if err != nil {
			return err
		}
		o.resolve[from] = to
	}
	var err error
	o.upstreams, err = o.upstream.config()
	return err
}

// build returns the proxy's network.
func (o *networkOptions) build() (*proxy.Network, error) {
	n := &proxy.Network{Insecure: o.insecure, InsecureHosts: o.insecureHosts, Resolve: o.resolve}
	if o.upstreams != nil {
		n.Upstream = o.upstreams.ProxyFunc()
	}
	if o.upstreamCA == "" {
		return n, nil
	}
	data, err := os.ReadFile(o.upstreamCA)
	if err != nil {
		return nil, usagef("--upstream-ca: %w", err)
	}
	if n.RootCAs, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("read the system's root certificates: %w", err)
	}
	if !n.RootCAs.AppendCertsFromPEM(data) {
		return nil, usagef("--upstream-ca: no certificate in %s", o.upstreamCA).hinted("the file must be PEM: -----BEGIN CERTIFICATE-----")
	}
	return n, nil
}
