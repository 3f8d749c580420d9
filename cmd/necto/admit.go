package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/proxy"
)

// admitFlags say who may use the proxy.
type admitFlags struct {
	auth  string // user:password, "" for nobody in particular
	cidrs []string
	hosts allowedHosts
}

func (f *admitFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.auth, "proxy-auth", "", "let in only who knows `user:password` (default $"+proxyAuthVar+", which other users do not see)")
	flags.StringArrayVar(&f.cidrs, "allow-cidr", nil, "let in only clients from this `range` of addresses, and this machine; repeatable")
	f.hosts.bind(flags)
}

// complete validates the flags and fills in the options of a proxy that is to
// listen at the addresses.
func (f *admitFlags) complete(o *proxy.Options, addrs ...string) error {
	auth, name := flagOrVar("--proxy-auth", f.auth, proxyAuthVar)
	if auth != "" {
		user, password, _ := strings.Cut(auth, ":")
		if user == "" || password == "" {
			return usagef("%s: not user:password", name)
		}
		o.Auth = proxy.Credentials{User: user, Password: password}
	}
	o.AllowHost = f.hosts.has
	for _, cidr := range f.cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return usagef("--allow-cidr: %q is no range of addresses", cidr).hinted("for example --allow-cidr 172.16.0.0/12")
		}
		o.AllowFrom = append(o.AllowFrom, prefix)
	}
	if auth != "" || len(f.cidrs) > 0 {
		return nil
	}
	for _, addr := range addrs {
		if !isLoopback(addr) {
			return usagef("other machines could use the proxy at %s, and reach through it what this one can", addr).
				hinted("say who may: %s=user:password in the environment, or --allow-cidr 172.16.0.0/12", proxyAuthVar)
		}
	}
	return nil
}

// addrs returns the addresses of all listeners.
func (o *recordOptions) addrs() []string {
	addrs := []string{o.serve.listen}
	for _, m := range o.maps {
		addrs = append(addrs, m.addr)
	}
	return append(addrs, o.ports.addrs()...)
}

// isLoopback reports whether host:port is for this machine alone.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip, err2 := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || err2 == nil && ip.Unmap().IsLoopback())
}

// withUser returns the URL of a proxy with what it asks for.
func withUser(proxyURL string, c proxy.Credentials) string {
	u, err := url.Parse(proxyURL)
	if err != nil || c == (proxy.Credentials{}) {
		return proxyURL
	}
	u.User = url.UserPassword(c.User, c.Password)
	return u.String()
}
