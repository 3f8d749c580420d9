package traffic

import (
	"errors"
	"os"
)

// createUnnamed returns a temporary file. Windows does not unlink open files,
// so removeUnnamed does.
func createUnnamed() (*os.File, error) {
	return os.CreateTemp("", "necto-body-*")
}

func removeUnnamed(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
