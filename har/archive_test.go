package har_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/necto-dev/necto/har"
)

// attached is a HAR with an entry whose content is in a file.
func attached(file string) string {
	return `{"log":{"entries":[{"startedDateTime":"2026-11-20T23:44:03Z","request":{"method":"GET","url":"http://a/"},` +
		`"response":{"status":200,"content":{"mimeType":"text/plain","_file":"` + file + `"}}}]}}`
}

// openIn opens a HAR that is written to a folder.
func openIn(t *testing.T, folder, name, content string) *har.Reader {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := har.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // which it may be already
	return r
}

func TestContentIsOnlyReadInTheFolder(t *testing.T) {
	outside, folder := t.TempDir(), t.TempDir()
	for path, content := range map[string]string{
		filepath.Join(outside, "secret"): "secret", filepath.Join(folder, "inside"): "inside", filepath.Join(folder, "empty"): "",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"out": filepath.Join(outside, "secret"), "in": "inside"} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil && runtime.GOOS != "windows" {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file, want string
		found      bool
	}{
		{"inside", "inside", true},
		{"./folder/../inside", "inside", true},
		{"empty", "", true},
		{"in", "inside", runtime.GOOS != "windows"},
		{"out", "", false},
		{"../" + filepath.Base(outside) + "/secret", "", false},
		{filepath.ToSlash(filepath.Join(outside, "secret")), "", false},
		{`..\\secret`, "", false},
		{"folder", "", false},
		{"none", "", false},
		{"a\\u0000b", "", false},
	}
	for _, test := range tests {
		all, warnings := readAll(t, openIn(t, folder, "a.har", attached(test.file)))
		body := &all[0].Response.Content.Body
		if body.Present() != test.found || (len(warnings) == 0) != test.found {
			t.Errorf("%s: found is %v, warnings %q", test.file, body.Present(), warnings)
			continue
		}
		if !test.found {
			if !strings.HasPrefix(warnings[0], "entry 1: content._file ") {
				t.Errorf("%s: warning %q", test.file, warnings[0])
			}
			continue
		}
		f, err := body.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err != nil || string(got) != test.want || all[0].Response.Content.Size != int64(len(test.want)) {
			t.Errorf("%s: %q, error %v, size %d", test.file, got, err, all[0].Response.Content.Size)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestContentOfAStreamIsOutOfReach(t *testing.T) {
	all, warnings := readText(t, attached("a.txt"))
	if all[0].Response.Content.Body.Present() || all[0].Response.Content.File != "a.txt" ||
		len(warnings) != 1 || !strings.Contains(warnings[0], "read from a stream") {
		t.Errorf("content %v, warnings %q", all[0].Response.Content, warnings)
	}
}

func TestContentCannotBeOpenedAfterClose(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.txt"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := openIn(t, folder, "a.har", attached("a.txt"))
	all, _ := readAll(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err := all[0].Response.Content.Body.Open(); err == nil {
		t.Error("opened", f.Close())
	}
}

func TestReadArchive(t *testing.T) {
	folder := t.TempDir()
	tests := []struct {
		name  string
		files map[string]string
		want  string // the content, or a part of the warning
	}{
		{"of Playwright", map[string]string{"har.har": attached("a.txt"), "a.txt": "in the archive"}, "in the archive"},
		{"in a folder", map[string]string{"x/y.har": attached("z/a.txt"), "x/z/a.txt": "beside", "z/a.txt": "not this"}, "beside"},
		{"of a Mac", map[string]string{"__MACOSX/._a.har": "\x00", "a.har": attached("a.txt"), "a.txt": "in the archive"}, "in the archive"},
		{"several", map[string]string{"a.har": "{}", "har.har": attached("a.txt"), "a.txt": "x"}, "the archive has 2 HAR files, of which only har.har is read"},
		{"above its folder", map[string]string{"x/y.har": attached("../a.txt"), "a.txt": "x"}, "invalid argument"},
		{"missing", map[string]string{"y.har": attached("a.txt")}, "does not exist"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all, warnings := readAll(t, openIn(t, folder, "a.zip", string(archived(t, test.files))))
			if len(all) != 1 {
				t.Fatalf("%d entries", len(all))
			}
			if len(warnings) > 0 {
				if !strings.Contains(strings.Join(warnings, "\n"), test.want) {
					t.Errorf("warnings %q, want %q", warnings, test.want)
				}
				return
			}
			if got := contentOf(t, &all[0].Response.Content.Body); got != `"`+test.want+`"` {
				t.Errorf("content %s, want %s", got, test.want)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	tests := []struct{ name, content, want string }{
		{"a.zip", string(archived(t, map[string]string{"a.txt": "a"})), "an archive without a .har file"},
		{"b.zip", "PK\x03\x04 and nothing", "read archive: "},
		{"a.har", "hello", "text that begins with"},
		{"a.har.gz", "\x1f\x8b and nothing", "read HAR: "},
	}
	for _, test := range tests {
		path := filepath.Join(folder, test.name)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := har.Open(path)
		if err == nil || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := har.Open(folder); !errors.Is(err, har.ErrNotHAR) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := har.Open(filepath.Join(folder, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := har.NewReader(strings.NewReader("PK\x03\x04")); err == nil || !strings.Contains(err.Error(), "archive") {
		t.Errorf("an archive as a stream: %v", err)
	}
}
