package ports

import (
	"errors"
	"path/filepath"
	"slices"
)

// errNotInFolder is the same whether there is such a file or not.
var errNotInFolder = errors.New("replay names neither a recording of the ports file nor one in its folder")

// parseRequested reads a binding that a client has sent.
func (c *Config) parseRequested(name string, text []byte) (Binding, error) {
	b, err := parseBinding(name, text)
	if err == nil && b.Replay != "" {
		b.Replay, err = c.confine(b.Replay)
	}
	return b, err
}

// confine returns the recording that a client may mean by a path: one that the ports
// file has, as it is there, or one in its folder, relative to that. Others are no
// business of clients: they may be of another user, who is not to read with necto what
// is this user's.
func (c *Config) confine(path string) (string, error) {
	named := func(path string) bool {
		return slices.ContainsFunc(c.Bindings, func(b Binding) bool { return b.Replay == path })
	}
	switch {
	case filepath.IsAbs(path):
		path = filepath.Clean(path)
	case c.Folder != "":
		path = filepath.Join(c.Folder, path)
	}
	if named(path) {
		return path, nil
	}
	inside, err := filepath.Rel(c.Folder, path)
	if c.Folder == "" || err != nil || !filepath.IsLocal(inside) {
		return "", errNotInFolder
	}
	return inside, nil
}
