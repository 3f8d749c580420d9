package childenv

import "strings"

// proxyNames are the variables that name the proxy. Both cases are needed: curl
// ignores HTTP_PROXY, others the lower-case names. ALL_PROXY is for clients
// that know schemes of their own, CGI_HTTP_PROXY for Perl under CGI.
var proxyNames = []string{
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
	"WS_PROXY", "WSS_PROXY", "CGI_HTTP_PROXY",
	"npm_config_proxy", "npm_config_https_proxy",
	"GLOBAL_AGENT_HTTP_PROXY", "GLOBAL_AGENT_HTTPS_PROXY",
}

// noProxyNames are the variables that name hosts to reach without the proxy.
// They are set, and empty: a preset would let hosts escape, and clients that
// exempt loopback hosts by default often do not if told that nothing is exempt.
var noProxyNames = []string{"NO_PROXY", "no_proxy"}

func (b *builder) addProxy() {
	proxy := b.proxy.String()
	b.setAll(proxyNames, proxy)
	b.setAll(noProxyNames, "")
	if names := b.presetOtherThan(proxy, proxyNames); names != "" {
		// The values are not shown: they may hold a password.
		b.note("%s: the command uses necto in place of the proxy set there", names)
	}
	if names := b.presetOtherThan("", noProxyNames); names != "" {
		b.note("%s: the command uses necto for the hosts excepted there, too", names)
	}
}

// presetOtherThan returns which of names are preset to another value, joined.
func (b *builder) presetOtherThan(value string, names []string) string {
	var others []string
	for _, name := range names {
		if preset := b.get(name); preset != "" && preset != value {
			others = append(others, name)
		}
	}
	return strings.Join(others, ", ")
}
