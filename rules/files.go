package rules

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// files are those that a rules file may name: the ones in its folder and below.
// Symbolic links do not lead out of it.
type files struct{ folder string }

// filesBeside returns those of the rules file at a position.
func filesBeside(at Position) *files { return &files{filepath.Dir(at.File)} }

// read returns the content of a file.
func (f *files) read(path FilePath) ([]byte, error) {
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	file, info, err := openRegular(root, filepath.FromSlash(string(path)))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > maxFileContent {
		return nil, fmt.Errorf("%s is over %d MiB", path, maxFileContent>>20)
	}
	return io.ReadAll(io.LimitReader(file, maxFileContent))
}

// maxFileContent is the most that is read of a file for a mock or an edit; files
// for map_local are streamed.
const maxFileContent = 64 << 20

// openRegular opens a regular file. It looks before it opens: opening a named pipe
// waits for who writes to it.
func openRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	file, err := root.Open(name)
	return file, info, err
}

// errNotRegular says that a name stands for something else than a file.
var errNotRegular = fmt.Errorf("not a regular file: %w", fs.ErrPermission)
