package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/har"
)

// Version is the version of the format this package writes, and the newest it
// reads.
const Version = 1

// format is what the first line of a recording calls itself.
const format = "necto-recording"

// ErrNotRecording is wrapped by the error of Open for a file that is not a
// recording. The text says what the file looks like.
var ErrNotRecording = errors.New("not a necto recording")

// VersionError is returned by Open for a recording of a newer version.
type VersionError struct {
	// Version is the version of the file.
	Version int
}

// Error says which version the file has and which is understood.
func (e *VersionError) Error() string {
	return fmt.Sprintf("the recording has version %d, this necto reads up to %d", e.Version, Version)
}

// Meta is the line that begins a recording. One that was appended to has another
// for each further run, among the lines of Scan.
type Meta struct {
	Version int
	// Session is the ULID of the run.
	Session string
	// At is when the session started.
	At time.Time
	// The rest is as in Options; Tool is "necto".
	Tool, ToolVersion       string
	Mode, Listen, Redaction string
}

// File is a recording open for reading. Its methods may be called from several
// goroutines.
type File struct {
	path string
	file *os.File
	meta Meta
	// folder has the sidecars, "" if there are none. private is a folder that goes with
	// Close, "" for none: a HAR is read into one.
	folder, private string
	once            *once // what is read in place of file, nil for none

	mu       sync.Mutex // guards what follows
	warnings []string
	bodies   *os.Root // the sidecar folder, opened with the first body
}

// Open opens the recording at path, or a HAR: a file of one, compressed by gzip or
// not, or a .zip of Playwright. A HAR is read as a whole into a temporary folder,
// where it takes about as much room as it has. The error wraps ErrNotRecording, is
// a *VersionError, or comes from the operating system.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return newFile(file, path, func() (*har.Reader, error) { return har.Open(path) })
}

// OpenIn is Open for the recording of that name in a folder, which neither the name nor
// what is beside the recording leads out of. root may be closed before the File.
func OpenIn(root *os.Root, name string) (*File, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	f, err := newFile(file, name, func() (*har.Reader, error) { return har.OpenIn(root, name) })
	if err != nil || f.private != "" {
		return f, err
	}
	f.bodies, err = root.OpenRoot(f.folder)
	if errors.Is(err, fs.ErrNotExist) {
		f.folder, err = "", nil
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open recording %s: %w", name, err), f.Close())
	}
	return f, nil
}

// newFile returns the recording file at path, or, if that is a HAR, what openHAR opens.
func newFile(file *os.File, path string, openHAR func() (*har.Reader, error)) (*File, error) {
	if IsHAR(file) {
		if err := file.Close(); err != nil {
			return nil, err
		}
		return readHAR(path, openHAR)
	}
	meta, err := readMeta(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open recording %s: %w", path, err), file.Close())
	}
	return &File{path: path, file: file, meta: meta, folder: bodiesDir(path)}, nil
}

// Meta returns the first line.
func (f *File) Meta() Meta { return f.meta }

// Close closes the file. Bodies that are open stay readable.
func (f *File) Close() error {
	err := errors.Join(f.closeSource(), f.closeBodies())
	if f.private != "" {
		err = errors.Join(err, os.RemoveAll(f.private))
	}
	return err
}

// closeSource closes what has the lines.
func (f *File) closeSource() error {
	if f.once != nil {
		return f.once.close()
	}
	return f.file.Close()
}

// closeBodies closes the sidecar folder.
func (f *File) closeBodies() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bodies == nil {
		return nil
	}
	return f.bodies.Close()
}

// Warnings returns what was wrong with the file as far as it has been read, each
// thing once.
func (f *File) Warnings() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.warnings...)
}

// maxWarnings bounds what is remembered of a file that is all wrong.
const maxWarnings = 100

func (f *File) warn(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.warnings) < maxWarnings && !slices.Contains(f.warnings, text) {
		f.warnings = append(f.warnings, text)
	}
}

// ReadLine returns the line that Scan found at offset with that length, in
// memory of its own.
func (f *File) ReadLine(offset int64, length int) ([]byte, error) {
	line := make([]byte, length)
	if _, err := f.file.ReadAt(line, offset); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %s at byte %d: %w", f.path, offset, err)
	}
	return line, nil
}

// OpenBody opens the content of an entry of this file; the caller closes it. The
// error says which file is missing, cut short, or named as no body is; that of the
// last Read, that the content is not what was recorded. b may be nil, for no content,
// and so may f, for lines that came without a file.
func (f *File) OpenBody(b *EntryBody) (io.ReadCloser, error) {
	if b == nil {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if b.File == "" {
		return io.NopCloser(bytes.NewReader(b.Inline)), nil
	}
	if f == nil {
		return nil, errNoFolder(b)
	}
	file, err := f.openSidecar(b)
	if err != nil {
		return nil, fmt.Errorf("open body %.80q of %s: %w", b.File, f.path, err)
	}
	if f.private != "" {
		return file, nil // nobody else has had it
	}
	return verify(file, b.File), nil
}

// errNoFolder returns the error for content beside a recording that is not open.
func errNoFolder(b *EntryBody) error {
	return fmt.Errorf("open body %.80q: it lies beside a recording of which only the lines are at hand", b.File)
}

func (f *File) openSidecar(b *EntryBody) (*os.File, error) {
	if !isSidecarName(b.File) {
		return nil, errors.New("the name is not a SHA-256")
	}
	root, err := f.sidecars()
	if err != nil {
		return nil, err
	}
	file, err := root.Open(b.File)
	if err != nil {
		return nil, err
	}
	if err := checkSidecar(file, b); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// checkSidecar finds what was cut short since it was written. A body of which
// only the beginning was kept does not say how long that is.
func checkSidecar(file *os.File, b *EntryBody) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a regular file")
	case info.Size() != b.Size && !b.Truncated:
		return fmt.Errorf("the file has %d bytes in place of %d", info.Size(), b.Size)
	}
	return nil
}

func (f *File) sidecars() (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bodies == nil {
		root, err := os.OpenRoot(f.folder) // which fails for ""
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the folder %s is missing: it belongs to the recording", bodiesDir(f.path))
		}
		if err != nil {
			return nil, err
		}
		f.bodies = root
	}
	return f.bodies, nil
}

// parseMeta reads a meta line.
func parseMeta(line []byte) (Meta, error) {
	all := gjson.ParseBytes(line)
	version := int(all.Get("v").Int())
	if version > Version {
		return Meta{}, &VersionError{Version: version}
	}
	at, err := time.Parse(time.RFC3339Nano, all.Get("at").String())
	if err != nil {
		return Meta{}, fmt.Errorf("first line: %w", err)
	}
	return Meta{
		Version:     version,
		Session:     all.Get("session").String(),
		At:          at,
		Tool:        all.Get("tool").String(),
		ToolVersion: all.Get("toolVersion").String(),
		Mode:        all.Get("mode").String(),
		Listen:      all.Get("listen").String(),
		Redaction:   all.Get("redaction").String(),
	}, nil
}
