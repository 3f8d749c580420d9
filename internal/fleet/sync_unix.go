//go:build !windows

package fleet

import (
	"errors"
	"os"
)

// syncDir writes to the disk itself which files a folder has.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
