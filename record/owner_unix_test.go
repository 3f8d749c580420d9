//go:build unix

package record

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// A folder that others may write into could have anybody's content by the time
// that it is read.
func TestBodiesGoToNoFolderThatOthersMayWriteInto(t *testing.T) {
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{
		{0o700, ""},
		{0o755, ""},
		{0o775, "others may write"},
		{0o777 | os.ModeSticky, "others may write"},
	} {
		path := filepath.Join(t.TempDir(), "run.jsonl")
		dir := BodiesDir(path)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		err := recordLong(t, path)
		if got := errorText(err); (c.want == "") != (err == nil) || !strings.Contains(got, c.want) {
			t.Errorf("mode %v: %v", c.mode, err)
		}
	}
}

func TestFoldersOfOtherUsersAreRefused(t *testing.T) {
	info := otherUsers{}
	if err := checkOwner(info); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("error %v", err)
	}
}

// otherUsers is a folder of a user who is not us.
type otherUsers struct{}

func (otherUsers) Name() string       { return "run.bodies" }
func (otherUsers) Size() int64        { return 0 }
func (otherUsers) Mode() os.FileMode  { return os.ModeDir | 0o700 }
func (otherUsers) ModTime() time.Time { return began }
func (otherUsers) IsDir() bool        { return true }
func (otherUsers) Sys() any           { return &syscall.Stat_t{Uid: uint32(os.Geteuid()) + 1} }

// recordLong records content that is too long for a line and returns the error.
func recordLong(t *testing.T, path string) error {
	t.Helper()
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Observe(traffic.ExchangeDone{Exchange: responseWith(traffic.BodyOf(make([]byte, 2*defaultInlineMax)))})
	return w.Close()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
