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

// open opens a file or folder.
func (f *files) open(path string) (*os.File, error) {
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	return root.Open(filepath.FromSlash(path))
}

// read returns the content of a file.
func (f *files) read(path FilePath) ([]byte, error) {
	file, err := f.open(string(path))
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: string(path), Err: fs.ErrInvalid}
	case info.Size() > maxFileContent:
		return nil, fmt.Errorf("%s: over %d MiB", path, maxFileContent>>20)
	}
	return io.ReadAll(io.LimitReader(file, maxFileContent))
}

// maxFileContent is the most that is read of a file for a mock or an edit; files
// for map_local are streamed.
const maxFileContent = 64 << 20
