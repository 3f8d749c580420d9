package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

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
	clientCerts   []string // HOST=CERT,KEY
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
	if err := o.loadClientCerts(n); err != nil {
		return nil, err
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

// loadClientCerts reads the files of --client-cert.
func (o *networkOptions) loadClientCerts(n *proxy.Network) error {
	for _, s := range o.clientCerts {
		host, files, _ := strings.Cut(s, "=")
		certFile, keyFile, ok := strings.Cut(files, ",")
		if !ok || host == "" {
			return usagef("--client-cert: %q is not HOST=CERT,KEY", s).hinted("for example --client-cert api.example.com=client.pem,client.key")
		}
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return usagef("--client-cert: %w", err).hinted("both files must be PEM, the key without a password")
		}
		n.ClientCerts = append(n.ClientCerts, proxy.ClientCert{Host: host, Cert: cert})
	}
	return nil
}
