package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/pflag"
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
	dns           string   // HOST[:PORT], "" for the system's
	tlsMin        string
	minTLS        uint16 // what tlsMin says
	transparent   bool
	upstream      upstreamOptions
	upstreams     *httpproxy.Config // what upstream says, nil for nothing
}

// bind adds the flags that need no second look.
func (o *networkOptions) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.dns, "dns", "", "look up names with the name server at `ADDRESS[:PORT]`")
	flags.StringVar(&o.tlsMin, "tls-min", "1.2", "lowest `version` of TLS to speak with clients and origins: 1.0, 1.1, 1.2 or 1.3")
	o.upstream.bind(flags)
	flags.BoolVar(&o.transparent, "transparent", false, "take connections that netfilter has redirected, too (Linux)")
}

// complete validates the flags and takes the values of --insecure and --resolve.
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
	if o.transparent && runtime.GOOS != "linux" {
		return usagef("--transparent: only Linux says where a redirected connection was going")
	}
	var err error
	if o.dns, err = parseNameServer(o.dns); err != nil {
		return err
	}
	if o.minTLS, err = parseTLSVersion(o.tlsMin); err != nil {
		return err
	}
	o.upstreams, err = o.upstream.config()
	return err
}

// parseNameServer completes ADDRESS[:PORT].
func parseNameServer(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(addr, 53).String(), nil
	}
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		return "", usagef("--dns: %q is not ADDRESS[:PORT]", s).hinted("for example --dns 9.9.9.9, or --dns [::1]:5353")
	}
	return addr.String(), nil
}

// parseTLSVersion returns the version that crypto/tls has for a name.
func parseTLSVersion(s string) (uint16, error) {
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if tls.VersionName(version) == "TLS "+s {
			return version, nil
		}
	}
	return 0, usagef("--tls-min: %q is none of 1.0, 1.1, 1.2 and 1.3", s)
}

// resolver asks the name server of --dns; nil is the system's.
func (o *networkOptions) resolver() *net.Resolver {
	if o.dns == "" {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, o.dns)
	}}
}

// build returns the proxy's network.
func (o *networkOptions) build() (*proxy.Network, error) {
	n := &proxy.Network{
		Insecure: o.insecure, InsecureHosts: o.insecureHosts, Resolve: o.resolve, Resolver: o.resolver(), MinTLS: o.minTLS,
	}
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
