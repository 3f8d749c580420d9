package ports

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestConfine names recordings as clients may, and as they may not.
func TestConfine(t *testing.T) {
	home := t.TempDir()
	folder, elsewhere := filepath.Join(home, "ports"), filepath.Join(home, "elsewhere.jsonl")
	c := Config{Folder: folder, Bindings: []Binding{
		{Port: 60000, Replay: filepath.Join(folder, "run.jsonl")}, {Port: 60001, Replay: elsewhere},
	}}
	inside := filepath.Join("sub", "other.jsonl")
	for path, want := range map[string]string{
		"run.jsonl":                               filepath.Join(folder, "run.jsonl"),
		filepath.Join(folder, "run.jsonl"):        filepath.Join(folder, "run.jsonl"),
		elsewhere:                                 elsewhere,
		filepath.Join("..", "elsewhere.jsonl"):    elsewhere,
		inside:                                    inside,
		filepath.Join(folder, inside):             inside,
		folder + "/x/../sub/other.jsonl":          inside,
		filepath.Join(home, "secret.jsonl"):       "",
		filepath.Join("..", "secret.jsonl"):       "",
		folder + "/../secret.jsonl":               "",
		filepath.Join(home, "ports-too.jsonl"):    "",
		filepath.Join("sub", "..", "..", "a"):     "",
		filepath.Join(home, "ports", "..", "..x"): "",
	} {
		b, err := c.parseRequested("binding", []byte(`{"replay":"`+filepath.ToSlash(path)+`"}`))
		if b.Replay != want || (want == "") != errors.Is(err, errNotInFolder) {
			t.Errorf("%s: got %q, %v, want %q", path, b.Replay, err, want)
		}
	}
	for _, path := range []string{"run.jsonl", elsewhere} {
		if _, err := (&Config{}).parseRequested("binding", []byte(`{"replay":"`+filepath.ToSlash(path)+`"}`)); !errors.Is(err, errNotInFolder) {
			t.Errorf("%s without a ports file: %v", path, err)
		}
	}
}
