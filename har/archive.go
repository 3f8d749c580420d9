package har

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Limits of archives, which can be small and unpack to anything.
const (
	maxArchived = 1 << 18 // files of an archive
	maxContent  = 1 << 30 // bytes of content in a file, unpacked
)

var errContentTooLong = errors.New("content is longer than 1 GiB")

// files opens what is beside a HAR: in its folder, and nowhere else, or in the
// archive that it is in. They can be opened by several goroutines.
type files struct {
	fsys fs.FS
	// why says why there are no files, if fsys is nil.
	why    string
	closer io.Closer
}

func noFiles(why string) *files { return &files{why: why} }

func (f *files) close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// content returns a function that opens the file of that name, and its size.
func (f *files) content(name string) (open func() (io.ReadCloser, error), size int64, err error) {
	if f.fsys == nil {
		return nil, 0, errors.New(f.why)
	}
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	info, err := fs.Stat(f.fsys, name)
	if err != nil {
		return nil, 0, bare(err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would block
		return nil, 0, errors.New("it is not a regular file")
	}
	if info.Size() > maxContent {
		return nil, 0, errContentTooLong
	}
	open = func() (io.ReadCloser, error) {
		file, err := f.fsys.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open content: %w", err)
		}
		return &limited{ReadCloser: file, left: maxContent + 1}, nil
	}
	return open, info.Size(), nil
}

// bare returns what is wrong without the name and the operation.
func bare(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// limited fails where content is longer than allowed: the size that an archive
// says can be a lie.
type limited struct {
	io.ReadCloser
	left int64 // one more than is allowed
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errContentTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// Open begins to read the HAR at path: a file, which may be compressed with gzip
// or zlib, or an archive that has one, as Playwright writes it (har.har in a
// .zip). Content in other files (`_file`) is opened when it is read, if it is in
// the folder of the HAR or in the archive. The error wraps ErrNotHAR if that is
// what it is. The caller closes the reader.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return newReader(f, path, os.OpenRoot)
}

// OpenIn is Open for the HAR of that name in a folder, which neither the name nor what
// is beside the HAR leads out of. root may be closed before the reader.
func OpenIn(root *os.Root, name string) (*Reader, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	return newReader(f, name, root.OpenRoot)
}

// newReader returns a reader of the HAR f at path, whose folder openRoot opens.
func newReader(f *os.File, path string, openRoot func(string) (*os.Root, error)) (*Reader, error) {
	r := &Reader{closers: []io.Closer{f}}
	openFolder := func() (*os.Root, error) { return openRoot(filepath.Dir(path)) }
	if err := r.open(f, openFolder); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, r.Close()))
	}
	return r, nil
}

func (r *Reader) open(f *os.File, openFolder func() (*os.Root, error)) error {
	r.files = noFiles("the HAR is not a regular file")
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%w: it is a folder", ErrNotHAR)
	}
	if !info.Mode().IsRegular() {
		return r.start(f)
	}
	magic := make([]byte, len(magicZip))
	if n, _ := f.ReadAt(magic, 0); isZip(magic[:n]) {
		return r.openArchive(f, info.Size())
	}
	root, err := openFolder()
	if err != nil {
		return err
	}
	r.files = &files{fsys: root.FS(), closer: root}
	return r.start(f)
}

func (r *Reader) openArchive(f *os.File, size int64) error {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	if len(archive.File) > maxArchived {
		return fmt.Errorf("read archive: it has %d files, more than %d", len(archive.File), maxArchived)
	}
	file := r.findHAR(archive)
	if file == nil {
		return fmt.Errorf("%w: it looks like an archive without a .har file", ErrNotHAR)
	}
	document, err := file.Open()
	if err != nil {
		return fmt.Errorf("read archive: %s: %w", file.Name, err)
	}
	r.closers = append(r.closers, document)
	r.files = &files{why: "its folder is not in the archive"}
	if folder, err := fs.Sub(archive, path.Dir(file.Name)); err == nil {
		r.files.fsys = folder
	}
	return r.start(document)
}

// findHAR returns the HAR of an archive, nil if there is none: har.har, or else
// the first.
func (r *Reader) findHAR(archive *zip.Reader) *zip.File {
	var found *zip.File
	count := 0
	for _, file := range archive.File {
		if !isHARName(file.Name) {
			continue
		}
		count++
		if found == nil || path.Base(file.Name) == "har.har" && path.Base(found.Name) != "har.har" {
			found = file
		}
	}
	if count > 1 {
		r.warnFile(fmt.Sprintf("the archive has %d HAR files, of which only %s is read", count, found.Name))
	}
	return found
}

func isHARName(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return strings.HasSuffix(name, ".har") && !strings.HasPrefix(path.Base(name), "._") // of macOS
}
