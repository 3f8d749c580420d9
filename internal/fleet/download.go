package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/necto-dev/necto/record"
)

// Download writes what the stream has now into dir, which is empty: for each
// recorder a recording with its sidecar folder, what the recorder would have
// written to a file. It returns their paths in the order in which the recorders
// came first. The error wraps ErrNoStream if there are none. Content whose time in
// Redis is over is told to warn.
func (s *Stream) Download(ctx context.Context, dir string, warn func(text string)) ([]string, error) {
	last, err := s.last(ctx)
	if err != nil {
		return nil, err
	}
	d := &download{stream: s, dir: dir, warn: warn, files: map[string]*recording{}}
	err = d.read(ctx, last)
	for _, path := range d.paths {
		err = errors.Join(err, d.files[path].close())
	}
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", s.target, err)
	}
	if len(d.paths) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoStream, s.target)
	}
	return d.paths, nil
}

// download is what Download is writing.
type download struct {
	stream *Stream
	dir    string
	warn   func(string)
	paths  []string
	files  map[string]*recording // by path
}

// recording is a file that is being written, and the bodies that it has.
type recording struct {
	f      *os.File // nil once it is closed
	w      *bufio.Writer
	bodies map[string]bool
}

// read goes through the stream up to the entry last.
func (d *download) read(ctx context.Context, last string) error {
	o := &order{stream: d.stream, seen: map[string]uint64{}}
	for from := "-"; ; {
		entries, err := d.stream.client.XRangeN(ctx, d.stream.target.Stream, from, last, readCount).Result()
		if err != nil {
			return explain(err)
		}
		if len(entries) == 0 {
			return nil
		}
		lines, err := o.lines(ctx, entries)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := d.line(ctx, l); err != nil {
				return err
			}
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

func (d *download) line(ctx context.Context, l Line) error {
	path := filepath.Join(d.dir, l.Recorder+".jsonl")
	r := d.files[path]
	if r == nil {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		r = &recording{f: f, w: bufio.NewWriter(f), bodies: map[string]bool{}}
		d.files[path] = r
		d.paths = append(d.paths, path)
	}
	for _, hash := range bodiesOf(l.Raw) {
		if r.bodies[hash] {
			continue
		}
		r.bodies[hash] = true
		if err := d.body(ctx, filepath.Join(record.BodiesDir(path), hash), hash); err != nil {
			return err
		}
	}
	if _, err := r.w.Write(append(l.Raw, '\n')); err != nil {
		return err
	}
	if isEnd(l.Raw) { // a stream may have more recordings than there may be open files
		return r.close()
	}
	return nil
}

// body writes content beside a recording.
func (d *download) body(ctx context.Context, path, hash string) error {
	content, err := d.stream.OpenBody(ctx, hash)
	if errors.Is(err, ErrNoBody) {
		d.warn(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	err = errors.Join(err, f.Close())
	if errors.Is(err, ErrNoBody) { // a part of it is of no use
		d.warn(err.Error())
		err = os.Remove(path)
	}
	return err
}

// close closes the file, if it is open.
func (r *recording) close() error {
	if r.f == nil {
		return nil
	}
	err := errors.Join(r.w.Flush(), r.f.Close())
	r.f = nil
	return err
}
