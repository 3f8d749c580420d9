package childenv

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// addPHP adds our folder to those PHP reads ini files from: its curl extension
// has no variable for certificates. An empty folder in the list means the one
// compiled in, which is what PHP reads when nothing is preset.
func (b *builder) addPHP() error {
	const name = "PHP_INI_SCAN_DIR"
	// PHP takes a backslash within quotes for an escape, and slashes on Windows.
	bundle := `"` + filepath.ToSlash(b.bundle) + `"`
	file, err := b.write("necto.ini", []byte("curl.cainfo = "+bundle+"\nopenssl.cafile = "+bundle+"\n"), 0o644)
	if err != nil {
		return err
	}
	ours := string(os.PathListSeparator) + filepath.Dir(file)
	if b.seenAs != "" {
		ours = ":" + path.Dir(file)
	}
	b.set(name, strings.TrimSuffix(b.get(name), ours)+ours)
	return nil
}
