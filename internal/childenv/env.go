package childenv

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Options says what an environment is built from. Proxy and CACert are needed.
type Options struct {
	// Proxy is the URL of the proxy, http://host:port.
	Proxy string
	// CACert is the path of the authority's certificate, PEM.
	CACert string
	// Environ is the environment that the child would have had, as from
	// os.Environ. What it presets is merged or noted; nil presets nothing.
	Environ []string
	// Dir is the folder the files are written to; it is created when absent,
	// and stays. Empty means a temporary folder that Close removes.
	Dir string
	// SeenAs is the path under which the child sees the folder, if that is
	// another one: where it is mounted in a Linux container.
	SeenAs string
}

// ErrProxy says that Options.Proxy is not a URL that all clients understand.
var ErrProxy = errors.New("the proxy is not of the form http://host:port")

// Var is one environment variable.
type Var struct{ Name, Value string }

// Env is the environment for child processes, and the files it names. Create
// it with Build, and Close it when the last child has ended. Its methods may be
// called concurrently, except Close.
type Env struct {
	vars  []Var
	notes []string
	temp  string // the folder to remove, empty for none
}

// Build writes the files that the variables name and computes the variables.
// The caller closes the result. The error is ErrProxy if Options.Proxy is at
// fault.
func Build(o Options) (*Env, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, fmt.Errorf("prepare the environment of the command: %w", err)
	}
	env := &Env{temp: b.temp}
	if err := b.build(); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the environment of the command: %w", err), env.Close())
	}
	env.vars, env.notes = b.vars, b.notes
	slices.SortFunc(env.vars, func(a, b Var) int { return strings.Compare(a.Name, b.Name) })
	return env, nil
}

// Vars returns the variables, sorted by name. The caller must not change them.
func (e *Env) Vars() []Var { return e.vars }

// Notes returns lines for the user: which presets the child will not obey.
func (e *Env) Notes() []string { return e.notes }

// Environ returns base with the variables in place of those of the same name.
func (e *Env) Environ(base []string) []string {
	ours := make(map[string]bool, len(e.vars))
	for _, v := range e.vars {
		ours[foldName(v.Name)] = true
	}
	environ := make([]string, 0, len(base)+len(e.vars))
	for _, entry := range base {
		if name, _, _ := strings.Cut(entry, "="); !ours[foldName(name)] {
			environ = append(environ, entry)
		}
	}
	for _, v := range e.vars {
		environ = append(environ, v.Name+"="+v.Value)
	}
	return environ
}

// Close removes the files, unless Options.Dir said where to keep them.
func (e *Env) Close() error {
	if e.temp == "" {
		return nil
	}
	return os.RemoveAll(e.temp)
}

// foldName returns what names of one variable have in common.
func foldName(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

// builder collects the parts of an Env.
type builder struct {
	proxy  *url.URL
	preset map[string]string // by foldName
	ca     *certSet
	dir    string
	seenAs string
	temp   string // dir if it is to be removed

	// trusted is what the child shall trust, bundle the path of the file that
	// holds it. addBundle sets them for those after it.
	trusted *certSet
	bundle  string

	vars  []Var
	notes []string
}

func newBuilder(o Options) (*builder, error) {
	b := &builder{seenAs: o.SeenAs, preset: make(map[string]string, len(o.Environ))}
	for _, entry := range o.Environ {
		name, value, _ := strings.Cut(entry, "=")
		b.preset[foldName(name)] = value
	}
	var err error
	if b.proxy, err = parseProxy(o.Proxy); err != nil {
		return nil, err
	}
	b.ca = new(certSet)
	if err := b.ca.addPath(o.CACert); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		b.temp, err = os.MkdirTemp("", "necto-env-*")
		b.dir = b.temp
		return b, err
	}
	if b.dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	// Readable by all: a container may run as another user, and there is
	// nothing secret in it but what writeWgetrc protects.
	return b, os.MkdirAll(b.dir, 0o755)
}

// parseProxy checks that every client can make sense of the proxy's URL.
func parseProxy(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, ErrProxy // the cause would repeat a password in the text
	}
	if u.Scheme != "http" || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w: %s", ErrProxy, u.Redacted())
	}
	// Some clients take a slash at the end for a part of the port.
	u.Path = ""
	return u, nil
}

func (b *builder) build() error {
	b.addProxy()
	for _, add := range []func() error{
		b.addBundle, b.addExtra, b.addJava, b.addNode, b.addWget, b.addPHP,
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) set(name, value string) { b.vars = append(b.vars, Var{name, value}) }

// setAll gives all of names one value.
func (b *builder) setAll(names []string, value string) {
	for _, name := range names {
		b.set(name, value)
	}
}

// get returns the preset value of a variable, empty if there is none.
func (b *builder) get(name string) string { return b.preset[foldName(name)] }

// extend sets a variable that holds options to those preset and ours. A preset
// that ends with ours, as in a shell that evaluated `necto env`, stays as it is.
func (b *builder) extend(name, options string) {
	if preset := b.get(name); strings.HasSuffix(preset, options) {
		options = preset
	} else if preset != "" {
		options = preset + " " + options
	}
	b.set(name, options)
}

func (b *builder) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// write puts a file into the folder and returns the path the child sees it
// under. The file is replaced as a whole, as other children may be reading it.
func (b *builder) write(name string, data []byte, mode os.FileMode) (string, error) {
	target := filepath.Join(b.dir, name)
	f, err := os.CreateTemp(b.dir, name+".*.tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	if b.seenAs != "" {
		return path.Join(b.seenAs, name), nil
	}
	return target, nil
}
