//go:build !windows

package traffic

import "os"

// createUnnamed returns a temporary file that is already unlinked.
func createUnnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "necto-body-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

func removeUnnamed(f *os.File) error { return f.Close() }
