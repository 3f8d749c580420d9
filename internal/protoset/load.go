package protoset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// protoExt ends the names of files that are compiled.
const protoExt = ".proto"

// Load reads descriptions: .proto files, folders of them, which are where their
// imports are looked for too, and sets of descriptors, which is what all other
// files are taken for. What a .proto file imports is also looked for beside it
// and in the folders above it. Without paths it returns nil, which is a Set that
// describes nothing.
func Load(paths ...string) (*Set, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	l := loader{set: newSet(), names: map[string]string{}}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			l.roots = append(l.roots, path)
		}
	}
	for _, path := range paths {
		if err := l.load(path); err != nil {
			return nil, fmt.Errorf("load descriptions of %s: %w", path, err)
		}
	}
	if err := l.register(); err != nil {
		return nil, fmt.Errorf("load descriptions: %w", err)
	}
	return l.set, nil
}

// loader fills a set.
type loader struct {
	set      *Set
	roots    []string // the folders that were given
	compiled []compiled

	mu sync.Mutex // guards names: the compiler reads files concurrently
	// names has the name of each source file by its path: the longest one, if it
	// was imported from several places.
	names map[string]string
}

// compiled is a file and the path of its source.
type compiled struct {
	path string
	file protoreflect.FileDescriptor
}

func (l *loader) load(path string) error {
	switch {
	case slices.Contains(l.roots, path):
		return l.folder(path)
	case filepath.Ext(path) == protoExt:
		return l.source(path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return errors.Unwrap(err) // the caller names the path
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(content, &set); err != nil || len(set.File) == 0 {
		return errors.New("it is neither a " + protoExt + " file nor a set of descriptors")
	}
	return newAdder(l.set, set.File).all()
}

// folder compiles all files in a folder and below it.
func (l *loader) folder(root string) error {
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == protoExt {
			name, relErr := filepath.Rel(root, path)
			names, err = append(names, filepath.ToSlash(name)), relErr
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		return errors.New("there are no " + protoExt + " files in it")
	}
	return l.compile(root, names)
}

// source compiles one file. Where its imports begin is for the file to know: the
// folder that it is in is tried, and those above it.
func (l *loader) source(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	var first error
	for root := filepath.Dir(path); ; root = filepath.Dir(root) {
		name, err := filepath.Rel(root, path)
		if err == nil {
			err = l.compile(root, []string{filepath.ToSlash(name)})
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, fs.ErrNotExist) || root == filepath.Dir(root) {
			return first
		}
	}
}

// compile compiles files in a folder, whose imports are in it or in one that was
// given.
func (l *loader) compile(root string, names []string) error {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(l.resolver(root))}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return err
	}
	for i, f := range files {
		path, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(names[i])))
		if err != nil {
			return err
		}
		l.compiled = append(l.compiled, compiled{path, f})
	}
	return nil
}

// resolver finds files in root and in the folders that were given, and notes
// their names.
func (l *loader) resolver(root string) protocompile.Resolver {
	var all protocompile.CompositeResolver
	for _, dir := range append([]string{root}, l.roots...) {
		all = append(all, protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
			f, path, err := openSource(dir, name)
			if err != nil {
				return protocompile.SearchResult{}, err
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(name) > len(l.names[path]) {
				l.names[path] = name
			}
			return protocompile.SearchResult{Source: f}, nil
		}))
	}
	return all
}

// openSource opens the file of a name in a folder. The compiler closes it.
func openSource(dir, name string) (f io.Reader, path string, err error) {
	if path, err = filepath.Abs(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		return nil, "", err
	}
	f, err = os.Open(path)
	return f, path, err
}

// register puts what was compiled into the set. A file that was given by itself
// and is imported by another has the name of the import, and no other.
func (l *loader) register() error {
	for _, c := range l.compiled {
		if c.file.Path() != l.names[c.path] {
			continue
		}
		if err := l.set.register(c.file); err != nil {
			return err
		}
	}
	return nil
}
