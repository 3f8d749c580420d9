package convert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/necto-dev/necto/record"
)

// singleOutput is one file.
type singleOutput struct {
	options *Options
	path    string
	file    *file // nil before the first line
}

func newSingleOutput(o *Options, path string) *singleOutput {
	return &singleOutput{options: o, path: path}
}

func (s *singleOutput) write(input *record.File, l *line) error {
	if s.file == nil {
		f, err := newFile(s.options, s.path)
		if err != nil {
			return err
		}
		s.file = f
	}
	return s.file.write(input, l)
}

func (s *singleOutput) commit(ctx context.Context) ([]string, error) {
	if s.file == nil {
		return nil, errors.New("there is nothing to write")
	}
	if err := s.file.finish(); err != nil {
		return nil, err
	}
	if s.options.Format == HAR {
		return []string{s.path}, s.file.publishHAR(ctx)
	}
	return []string{s.path}, s.file.publish()
}

func (s *singleOutput) discard() error {
	if s.file == nil {
		return nil
	}
	return s.file.discard()
}

// hostOutput is a file for each host.
type hostOutput struct {
	options *Options
	metas   [][]byte // what every file begins with
	byHost  map[string]*singleOutput
	order   []string
}

func newHostOutput(o *Options) *hostOutput {
	return &hostOutput{options: o, byHost: map[string]*singleOutput{}}
}

func (h *hostOutput) write(input *record.File, l *line) error {
	if l.lineType == record.TypeMeta {
		return h.meta(input, l)
	}
	name := fileName(l.host)
	out := h.byHost[name]
	if out == nil {
		if err := os.MkdirAll(h.options.Output, 0o700); err != nil {
			return err
		}
		out = newSingleOutput(h.options, filepath.Join(h.options.Output, name+"."+string(h.options.Format)))
		h.byHost[name] = out
		h.order = append(h.order, name)
		for _, raw := range h.metas {
			if err := out.write(input, &line{raw: raw, lineType: record.TypeMeta}); err != nil {
				return err
			}
		}
	}
	return out.write(input, l)
}

// meta begins a run in every file, also in those that are still to come.
func (h *hostOutput) meta(input *record.File, l *line) error {
	h.metas = append(h.metas, l.raw)
	for _, name := range h.order {
		if err := h.byHost[name].write(input, l); err != nil {
			return err
		}
	}
	return nil
}

func (h *hostOutput) commit(ctx context.Context) ([]string, error) {
	var written []string
	for _, name := range h.order {
		names, err := h.byHost[name].commit(ctx)
		if err != nil {
			return written, err
		}
		written = append(written, names...)
	}
	if written == nil {
		return nil, errors.New("there is nothing to write")
	}
	return written, nil
}

func (h *hostOutput) discard() error {
	var errs []error
	for _, name := range h.order {
		errs = append(errs, h.byHost[name].discard())
	}
	return errors.Join(errs...)
}

// fileName returns the name of the file for a host: what a name of a host cannot
// have becomes "_", so that none leads out of the folder.
func fileName(host string) string {
	if host == "" {
		return "no-host"
	}
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
			return c
		}
		return '_'
	}, strings.ToLower(host))
	return "_"[:min(1, len(name)-len(strings.TrimLeft(name, ".-")))] + strings.TrimLeft(name, ".-")
}
