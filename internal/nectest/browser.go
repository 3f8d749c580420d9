package nectest

import (
	"os"
	"testing"
	"time"
)

// ProfileDir returns a folder for a browser, whose processes may write to it for a
// while when it has ended: it is removed once they let it.
func ProfileDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "necto-profile-*") //nolint:usetesting // t.TempDir removes it only once
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("remove the browser's profile: %v", err)
				return
			}
		}
	})
	return dir
}
