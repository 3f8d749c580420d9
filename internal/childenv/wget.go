package childenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// addWget names a start-up file for wget, which reads no variable for
// certificates if built with GnuTLS. It takes the place of the user's own, so
// it begins with what that says.
func (b *builder) addWget() error {
	rc, mode := b.userWgetrc()
	ours := "ca_certificate = " + b.bundle + "\n"
	rc = strings.TrimSuffix(rc, ours) // it may be the file of an earlier run
	if rc != "" && !strings.HasSuffix(rc, "\n") {
		rc += "\n"
	}
	file, err := b.write("wgetrc", []byte(rc+ours), mode)
	if err != nil {
		return err
	}
	b.set("WGETRC", file)
	return nil
}

// userWgetrc returns the content of the user's start-up file, and the mode for
// a file that holds it: the user's may hold passwords.
func (b *builder) userWgetrc() (content string, mode os.FileMode) {
	file := b.get("WGETRC")
	if home := b.get("HOME"); file == "" && home != "" {
		file = filepath.Join(home, ".wgetrc")
	}
	if file == "" {
		return "", 0o644
	}
	data, err := os.ReadFile(file)
	if err == nil {
		return string(data), 0o600
	}
	if !errors.Is(err, fs.ErrNotExist) {
		b.note("WGETRC: wget will not obey the user's file: %v", err)
	}
	return "", 0o644
}
