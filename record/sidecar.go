package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	// windowSize is how much of a body is in memory on its way to a sidecar.
	windowSize = 128 << 10
	// temporary begins the name of a sidecar that is being written.
	temporary = ".new-"
)

// BodiesDir returns the sidecar folder of a recording: run.bodies for run.jsonl,
// and the name with ".bodies" behind it for any other.
func BodiesDir(path string) string { return bodiesDir(path) }

func bodiesDir(path string) string {
	return strings.TrimSuffix(path, ".jsonl") + ".bodies"
}

// isSidecarName reports whether name is a SHA-256 in lower-case hex. Names come
// from files that may be anybody's, and nothing else must be opened.
func isSidecarName(name string) bool {
	if len(name) != 2*sha256.Size {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// sidecar is the folder that has the bodies too long for a line, each in a file
// named for the SHA-256 of what is in it. The folder is made with the first.
type sidecar struct {
	dir    string // "" for a temporary folder
	root   *os.Root
	window []byte
	clean  []byte
}

// store writes what r has, with secrets replaced if s is not nil. The error is a
// *storeError unless it came from r.
func (c *sidecar) store(r io.Reader, s *scanner) (stored, error) {
	if err := c.open(); err != nil {
		return stored{}, &storeError{err}
	}
	if s != nil {
		r = s.reader(r)
	}
	name := temporary + rand.Text()
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return stored{}, &storeError{err}
	}
	w := hashedFile{f: f, hash: sha256.New()}
	err = c.copy(&w, r, s)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = &storeError{closeErr}
	}
	content := stored{file: hex.EncodeToString(w.hash.Sum(nil)), size: w.size}
	if err == nil {
		err = c.publish(name, content)
	}
	if err != nil {
		return stored{}, errors.Join(err, c.root.Remove(name))
	}
	return content, nil
}

func (c *sidecar) open() error {
	if c.root != nil {
		return nil
	}
	if err := c.makeDir(); err != nil {
		return err
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return err
	}
	if err := checkFolder(root); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", c.dir, err), root.Close())
	}
	c.root = root
	return nil
}

// makeDir makes the folder if it is not there, one with a name of its own if it has
// none.
func (c *sidecar) makeDir() (err error) {
	if c.dir != "" {
		return os.MkdirAll(c.dir, 0o700)
	}
	c.dir, err = os.MkdirTemp("", "necto-har-")
	return err
}

// checkFolder returns an error for a folder that others have a say in. It may have
// been there, and the one around it may be anybody's, as /tmp is.
func checkFolder(root *os.Root) error {
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	return checkOwner(info)
}

// publish gives a file that is complete its name, or removes it if that content
// is there already.
func (c *sidecar) publish(name string, content stored) error {
	info, err := c.root.Lstat(content.file)
	if err == nil && info.Mode().IsRegular() && info.Size() == content.size {
		err = c.root.Remove(name)
	} else {
		err = c.root.Rename(name, content.file)
	}
	if err != nil {
		return &storeError{err}
	}
	return nil
}

// copy moves r to w through the window.
func (c *sidecar) copy(w *hashedFile, r io.Reader, s *scanner) error {
	if c.window == nil {
		c.window = make([]byte, windowSize)
	}
	held := 0 // the window begins with so many bytes of before
	for {
		n, readErr := io.ReadFull(r, c.window[held:])
		final := readErr == io.EOF || readErr == io.ErrUnexpectedEOF
		if readErr != nil && !final {
			return readErr
		}
		window := c.window[:held+n]
		used := len(window)
		clean := window
		if s != nil {
			c.clean, used = s.scan(c.clean[:0], window, final)
			clean = c.clean
		}
		if err := w.write(clean); err != nil {
			return &storeError{err}
		}
		if final {
			return nil
		}
		held = copy(c.window, window[used:])
	}
}

// moveTo lets what is stored from now on go to another folder.
func (c *sidecar) moveTo(dir string) error {
	if dir == c.dir {
		return nil
	}
	err := c.close()
	c.dir, c.root = dir, nil
	return err
}

// close closes the folder.
func (c *sidecar) close() error {
	if c.root == nil {
		return nil
	}
	return c.root.Close()
}

// hashedFile is a file being written, with what its name will be.
type hashedFile struct {
	f    *os.File
	hash hash.Hash
	size int64
}

func (w *hashedFile) write(p []byte) error {
	n, err := w.f.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	return err
}

// PruneBodies removes the bodies beside a recording but for those that keep has, by
// their names, and the folder if it is empty then. Nothing else that may lie in the
// folder is touched. Nobody must be writing the recording.
func PruneBodies(path string, keep map[string]bool) error {
	if err := prune(bodiesDir(path), keep); err != nil {
		return err
	}
	_ = os.Remove(bodiesDir(path)) // which fails if there is something in it
	return nil
}

// prune removes the bodies in a folder, if there is one, but for those that keep
// has.
func prune(dir string, keep map[string]bool) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, entry := range entries {
		if name := entry.Name(); isSidecarName(name) && !keep[name] || strings.HasPrefix(name, temporary) {
			err = errors.Join(err, root.Remove(name))
		}
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("remove old bodies: %w", err)
	}
	return nil
}
