package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// redaction says how secrets are replaced in what is written: see record.Options.
type redaction struct {
	mode     string
	patterns func() []record.Pattern // those beside the usual secrets, nil for none
}

// also returns what is redacted now beside the usual secrets.
func (r redaction) also() []record.Pattern {
	if r.patterns == nil {
		return nil
	}
	return r.patterns()
}

// harWriter returns what writes a HAR of what is retold, without secrets: a HAR is
// for others to read.
func harWriter(secrets redaction) func(func(traffic.Observer) error) (io.ReadCloser, error) {
	return func(retell func(traffic.Observer) error) (io.ReadCloser, error) {
		dir, err := os.MkdirTemp("", "necto-har-*")
		if err != nil {
			return nil, err
		}
		f, err := writeHAR(filepath.Join(dir, "necto.har"), secrets, retell)
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		return &temporary{File: f, dir: dir}, nil
	}
}

func writeHAR(path string, secrets redaction, retell func(traffic.Observer) error) (*os.File, error) {
	w, err := record.Create(path, record.Options{
		Redaction: secrets.mode, Redact: secrets.also(), ToolVersion: buildVersion(),
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(retell(w), w.Close()); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// temporary is a file whose folder is removed when it is closed.
type temporary struct {
	*os.File
	dir string
}

// Close closes and removes the file.
func (t *temporary) Close() error { return errors.Join(t.File.Close(), os.RemoveAll(t.dir)) }
