//go:build !windows

package traffic

import (
	"errors"
	"os"
)

// createUnnamed returns a temporary file that is already unlinked.
func createUnnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "necto-body-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func removeUnnamed(f *os.File) error { return f.Close() }
