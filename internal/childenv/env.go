// Package childenv computes the environment that sends a child process's
// traffic through the proxy and makes it trust the certificate authority.
package childenv

import "errors"

// Options says what an environment is built from.
type Options struct {
	// Proxy is the proxy's URL, http://host:port.
	Proxy string
	// CACert is the path of the authority's certificate, PEM.
	CACert string
	// Environ is the environment the child would have had, "NAME=value";
	// what it presets is merged or noted.
	Environ []string
	// Dir is where files are written. Empty means a fresh temporary folder
	// that Close removes.
	Dir string
	// SeenAs is the path under which the child sees Dir; empty means Dir.
	SeenAs string
}

// Var is one environment variable.
type Var struct{ Name, Value string }

// Env is the environment for a child process. Close it once the child ended.
type Env struct{}

// Build writes the files and computes the variables.
func Build(o Options) (*Env, error) { return nil, errors.ErrUnsupported }

// Vars returns the variables, sorted by name.
func (e *Env) Vars() []Var { return nil }

// Environ returns base with the variables set in it.
func (e *Env) Environ(base []string) []string { return base }

// Notes returns what the user should know: presets that were overridden.
func (e *Env) Notes() []string { return nil }

// Close removes what Build wrote to a temporary folder.
func (e *Env) Close() error { return nil }
