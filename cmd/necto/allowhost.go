package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// allowedHosts are names of this machine that clients of an origin may use, beside
// those that it has everywhere.
type allowedHosts []string

func (h *allowedHosts) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar((*[]string)(h), "allow-host", nil, "take requests to an origin here that name `host`, as pages of that name could; repeatable")
}

// has is a proxy.Options.AllowHost.
func (h allowedHosts) has(host string) bool {
	for _, name := range h {
		if strings.EqualFold(strings.TrimSuffix(name, "."), host) {
			return true
		}
	}
	return false
}

// orHost returns a proxy.Options.AllowHost that lets in what one of two does; other may
// be nil.
func orHost(other, host func(string) bool) func(string) bool {
	if other == nil {
		return host
	}
	return func(name string) bool { return other(name) || host(name) }
}
