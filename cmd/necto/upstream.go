package main

import (
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpproxy"

	"github.com/necto-dev/necto/traffic"
)

// upstreamSchemes are the kinds of upstream proxies.
var upstreamSchemes = []string{"http", "https", "socks5", "socks5h"}

// upstreamOptions say through which upstream proxy origins are reached.
type upstreamOptions struct {
	proxy  string // URL, "" for none
	bypass string // what is reached directly, in the syntax of NO_PROXY
	system bool   // the environment says both
}

func (o *upstreamOptions) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.proxy, "upstream-proxy", "", "reach origins through the proxy at `URL`: http, https, socks5 or socks5h, with user:password@ if it asks (default $"+upstreamProxyVar+", which other users do not see)")
	flags.StringVar(&o.bypass, "no-upstream-proxy", "", "`hosts` to reach without it, in the syntax of NO_PROXY: example.com,10.0.0.0/8")
	flags.BoolVar(&o.system, "system-proxy", false, "take the upstream proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
}

// config validates the flags and returns what they say, nil for no upstream proxy.
func (o *upstreamOptions) config() (*httpproxy.Config, error) {
	proxy, name := flagOrVar("--upstream-proxy", o.proxy, upstreamProxyVar)
	switch {
	case proxy != "" && o.system:
		return nil, usagef("%s and --system-proxy exclude each other", name)
	case o.bypass != "" && proxy == "":
		return nil, usagef("--no-upstream-proxy needs --upstream-proxy")
	case proxy != "":
		c := &httpproxy.Config{HTTPProxy: proxy, HTTPSProxy: proxy, NoProxy: o.bypass}
		return c, checkUpstream(name, proxy)
	case !o.system:
		return nil, nil //nolint:nilnil // nil is none
	}
	c := httpproxy.FromEnvironment()
	for name, proxy := range map[string]string{"HTTP_PROXY": c.HTTPProxy, "HTTPS_PROXY": c.HTTPSProxy} {
		if proxy == "" {
			continue
		}
		if !strings.Contains(proxy, "://") {
			proxy = "http://" + proxy // as httpproxy reads it
		}
		if err := checkUpstream("--system-proxy: "+name, proxy); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// checkUpstream says what is wrong with the URL of an upstream proxy, without
// telling its password.
func checkUpstream(what, proxy string) error {
	const hint = "for example http://proxy.example.com:3128"
	u, err := url.Parse(proxy)
	switch {
	case err != nil:
		return usagef("%s: not a URL", what).hinted(hint)
	case !slices.Contains(upstreamSchemes, u.Scheme):
		return usagef("%s: %s has none of the schemes %s", what, u.Redacted(), strings.Join(upstreamSchemes, ", ")).hinted(hint)
	case traffic.CheckAuthority(u.Host) != nil:
		return usagef("%s: %s has no valid host", what, u.Redacted()).hinted(hint)
	case u.Path != "" && u.Path != "/":
		return usagef("%s: a proxy has no path, %s has", what, u.Redacted()).hinted(hint)
	}
	return nil
}
