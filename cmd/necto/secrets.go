package main

import (
	"os"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/fleet"
)

// Variables that bring secrets in place of flags: all users of a machine see the
// command lines of all processes there, but only the environment of their own.
const (
	proxyAuthVar     = "NECTO_PROXY_AUTH"
	upstreamProxyVar = "NECTO_UPSTREAM_PROXY"
	channelTokenVar  = "NECTO_CHANNEL_TOKEN" //nolint:gosec // the name is no secret
	redisPasswordVar = "NECTO_REDIS_PASSWORD"
)

var secretVars = []string{proxyAuthVar, upstreamProxyVar, channelTokenVar, redisPasswordVar}

// flagOrVar returns the value of a flag, or if that is "" of a variable, and the name
// of the one it is from.
func flagOrVar(flag, value, variable string) (says, name string) {
	if value != "" {
		return value, flag
	}
	return os.Getenv(variable), variable
}

// readTarget reads the address of a Redis. Its errors do not show it: it may have a
// password, and without has that of the environment.
func readTarget(address string) (fleet.Target, error) {
	t, err := fleet.ParseTarget(address)
	if err == nil && t.Password == "" {
		t.Password = os.Getenv(redisPasswordVar)
	}
	return t, err
}

// withoutSecrets returns an environment without the secrets of necto, for a command to
// run: what is for necto is nobody else's business.
func withoutSecrets(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(secretVars, strings.ToUpper(name)) // Windows knows no cases
	})
}
