package ca

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readPrivate reads f unless other users can do so, too. Mode and content are
// those of one open file, not of whatever has the name from one moment to the
// next.
func readPrivate(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if exposed(info.Mode()) {
		return nil, &UnusableError{
			Path: f.Name(),
			Err:  fmt.Errorf("%w (mode %04o)", ErrKeyExposed, info.Mode().Perm()),
			hint: fmt.Sprintf("run `chmod 600 %q`", f.Name()),
		}
	}
	return io.ReadAll(f)
}

// publish makes a new file at path that is complete from the moment it can be
// seen. The error is fs.ErrExist if there is one already.
func publish(path string, data []byte, mode fs.FileMode) error {
	temp := path + "." + rand.Text() + ".tmp"
	if err := writeNew(temp, data, mode); err != nil {
		return err
	}
	// A link, not a rename: it never replaces what another process published.
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// The file system has no links; a reader could now meet half a file,
		// but still nothing is replaced.
		err = writeNew(path, data, mode)
	}
	return errors.Join(err, os.Remove(temp))
}

// writeNew writes a new file to the disk. The error is fs.ErrExist if there is
// one already; after any other error there is none.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
