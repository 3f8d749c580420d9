//go:build unix

package record

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns an error for a folder in which somebody else could put other
// content in the place of what is written.
func checkOwner(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("the folder belongs to another user (%d): remove it, or record to another place", stat.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write into the folder (mode %04o): chmod go-w it if it is yours alone", info.Mode().Perm())
	}
	return nil
}
