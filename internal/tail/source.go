package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/necto-dev/necto/record"
)

// Source is where lines come from. It is used by one goroutine.
type Source interface {
	// Name is what its lines are marked with where there are several sources.
	Name() string
	// Scan calls h for each line until there are no more, or until ctx is done,
	// which is no error. An error of h ends the scan and is returned as it is.
	Scan(ctx context.Context, h Handler) error
	// OpenBody opens content that is not in the lines; the caller closes it.
	OpenBody(b *record.EntryBody) (io.ReadCloser, error)
	// Close frees what OpenBody needed.
	Close() error
}

// Handler is told what a Source has.
type Handler interface {
	// Line is a line, valid only during the call.
	Line(l record.Line) error
	// From returns the Handler for the lines of one of several recordings that a
	// source has, which have numbers of their own. Only its Line is to be called.
	From(recorder string) Handler
	// Idle is called before the source waits for more lines.
	Idle() error
	// Warn says what is wrong with the source.
	Warn(text string)
}

// NewFile returns the recording at path as a Source. With follow it waits at the
// end for more, and goes on with what takes the place of the file: see [Options].
func NewFile(path string, follow bool) Source {
	return &fileSource{path: path, follow: follow}
}

// fileSource is a recording in a file.
type fileSource struct {
	path   string
	follow bool
	bodies *record.File // opened with the first body, of a HAR with the first line
}

func (s *fileSource) Name() string { return filepath.Base(s.path) }

func (s *fileSource) Scan(ctx context.Context, h Handler) error {
	for {
		err := s.scanOnce(ctx, h)
		switch {
		case !s.follow, err == nil:
			return err
		case errors.Is(err, errReplaced):
			h.Warn(fmt.Sprintf("%s: %v, which follows", s.path, errReplaced))
		case ctx.Err() != nil && errors.Is(err, record.ErrNotRecording):
			return nil // its first line was still to come
		default:
			return err
		}
		if err := s.reset(ctx); err != nil {
			return err
		}
	}
}

func (s *fileSource) scanOnce(ctx context.Context, h Handler) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}
	defer file.Close()
	if !s.follow && record.IsHAR(file) {
		return s.scanHAR(h)
	}
	var lines io.Reader = idling{file, h.Idle} // it may be a pipe
	if s.follow {
		lines = &follower{ctx: ctx, path: s.path, file: file, idle: h.Idle}
	}
	return record.ScanStream(s.path, lines, h.Warn, h.Line)
}

// scanHAR is scanOnce for a HAR, whose content may be asked for until Close.
func (s *fileSource) scanHAR(h Handler) error {
	file, err := record.OpenHAR(s.path)
	if err != nil {
		return err
	}
	s.bodies = file
	err = file.Scan(h.Line)
	for _, warning := range file.Warnings() {
		h.Warn(warning)
	}
	return err
}

// reset forgets the file that was replaced and waits until the other is there.
func (s *fileSource) reset(ctx context.Context) error {
	if err := s.Close(); err != nil {
		return err
	}
	for {
		_, err := os.Stat(s.path)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pollInterval):
		}
	}
}

func (s *fileSource) OpenBody(b *record.EntryBody) (io.ReadCloser, error) {
	if s.bodies == nil {
		file, err := record.Open(s.path)
		if err != nil {
			return nil, err
		}
		s.bodies = file
	}
	return s.bodies.OpenBody(b)
}

func (s *fileSource) Close() error {
	if s.bodies == nil {
		return nil
	}
	err := s.bodies.Close()
	s.bodies = nil
	return err
}

// NewStream returns the recording that r has as a Source, such as standard input.
func NewStream(name string, r io.Reader) Source { return &stream{name: name, r: r} }

// stream is a recording that comes through a pipe. It has no folder beside it.
type stream struct {
	name string
	r    io.Reader
}

var errNoFolder = errors.New("its content is in the folder beside the recording")

func (s *stream) Name() string { return s.name }

func (s *stream) Scan(_ context.Context, h Handler) error {
	return record.ScanStream(s.name, idling{s.r, h.Idle}, h.Warn, h.Line)
}

func (s *stream) OpenBody(*record.EntryBody) (io.ReadCloser, error) { return nil, errNoFolder }

func (s *stream) Close() error { return nil }

// idling calls idle before it reads, which may take long.
type idling struct {
	r    io.Reader
	idle func() error
}

func (i idling) Read(p []byte) (int, error) {
	if err := i.idle(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
