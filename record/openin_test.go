package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openIn opens a recording in a folder, which is closed then.
func openIn(t *testing.T, folder, name string) (*File, error) {
	t.Helper()
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenIn(root, name)
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() { _ = f.Close() })
	}
	return f, err
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOpenInReadsWhatIsInTheFolder reads recordings and HARs there, and their content.
func TestOpenInReadsWhatIsInTheFolder(t *testing.T) {
	folder := t.TempDir()
	put(t, filepath.Join(folder, "sub", "run.jsonl"), metaLine)
	put(t, filepath.Join(bodiesDir(filepath.Join(folder, "sub", "run.jsonl")), someHash), "body")
	put(t, filepath.Join(folder, "bare.jsonl"), metaLine)
	put(t, filepath.Join(folder, "run.har"), `{"log":{"version":"1.2","entries":[]}}`)
	f, err := openIn(t, folder, "sub/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	body, err := f.OpenBody(&EntryBody{Size: 4, File: someHash})
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close()
	f, err = openIn(t, folder, "bare.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenBody(&EntryBody{Size: 4, File: someHash}); err == nil || !strings.Contains(err.Error(), "bare") {
		t.Errorf("no content: %v", err)
	}
	if _, err := openIn(t, folder, "run.har"); err != nil {
		t.Error(err)
	}
}

// TestOpenInStaysInTheFolder names what is outside, by itself and by links.
func TestOpenInStaysInTheFolder(t *testing.T) {
	home := t.TempDir()
	folder, outside := filepath.Join(home, "folder"), filepath.Join(home, "outside")
	put(t, filepath.Join(outside, "run.jsonl"), metaLine)
	put(t, filepath.Join(bodiesDir(filepath.Join(outside, "run.jsonl")), someHash), "secret")
	put(t, filepath.Join(outside, "run.har"), `{"log":{"version":"1.2","entries":[]}}`)
	put(t, filepath.Join(folder, "own.jsonl"), metaLine)
	for link, target := range map[string]string{
		"link.jsonl":                          filepath.Join(outside, "run.jsonl"),
		"link.har":                            filepath.Join("..", "outside", "run.har"),
		"sub":                                 outside,
		filepath.Base(bodiesDir("own.jsonl")): bodiesDir(filepath.Join(outside, "run.jsonl")),
	} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	for _, name := range []string{
		"../outside/run.jsonl", filepath.Join(outside, "run.jsonl"), "link.jsonl", "link.har", "sub/run.jsonl", "sub/run.har", "own.jsonl",
	} {
		if _, err := openIn(t, folder, name); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}
