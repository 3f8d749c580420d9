package protoset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
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
	s := newSet()
	l := loader{set: s}
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
	return s, nil
}

// loader fills a set.
type loader struct {
	set   *Set
	roots []string // the folders that were given
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
	return l.compile(append([]string{root}, l.roots...), names)
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
		if err != nil {
			return err
		}
		err = l.compile(append([]string{root}, l.roots...), []string{filepath.ToSlash(name)})
		if first == nil {
			first = err
		}
		if err == nil || !errors.Is(err, fs.ErrNotExist) || root == filepath.Dir(root) {
			return ifSet(err, first)
		}
	}
}

// ifSet returns first unless err is nil.
func ifSet(err, first error) error {
	if err == nil {
		return nil
	}
	return first
}

// compile compiles files, which are named as imports below roots name them.
func (l *loader) compile(roots, names []string) error {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: roots}),
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := l.set.register(f); err != nil {
			return err
		}
	}
	return nil
}
