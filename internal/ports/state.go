package ports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// stateVersion is the version of state files.
const stateVersion = 1

// keptSuffix is what the name of a damaged state file ends with where it is kept: the
// time at which it was found, in UTC.
const keptSuffix = ".bad-20060102T150405.000Z"

// stateFile is the content of a state file.
type stateFile struct {
	Version int         `json:"version"`
	Ports   []statePort `json:"ports"`
}

type statePort struct {
	Port      int             `json:"port"`
	Candidate string          `json:"candidate,omitempty"`
	Binding   json.RawMessage `json:"binding"`
}

// StateError says that a state file is damaged. The pool goes on without it.
type StateError struct {
	Path string
	// Kept has its content: Path is replaced when the state is saved.
	Kept string
	// Backup is the file that was read in its place, "" for none.
	Backup string
	Err    error
}

// Error says which file it is, where it is kept, and what was read in its place.
func (e *StateError) Error() string {
	text := fmt.Sprintf("read the state of the ports from %s: %v; it is kept as %s", e.Path, e.Err, e.Kept)
	if e.Backup != "" {
		return text + "; the one before, " + e.Backup + ", was read in its place"
	}
	return text
}

// Unwrap returns Err.
func (e *StateError) Unwrap() error { return e.Err }

// state keeps a state file up to date.
type state struct {
	path  string
	dirty chan struct{} // has something if there is something to write

	mu   sync.Mutex // guards the fields below; held while the file is written
	last []byte     // what the file has
	// loaded says that what the file had is known, so that it may be replaced.
	loaded bool
}

func newState(path string) *state {
	return &state{path: path, dirty: make(chan struct{}, 1)}
}

// backup is the path of the state before the last change.
func (s *state) backup() string { return s.path + ".bak" }

// load reads the state, nothing if there is no file. If that is damaged it keeps a
// copy, reads the backup, and returns a *StateError with what was found there. Any
// other error is of a file that cannot be read or kept, and must not be replaced.
func (s *state) load() (map[int]savedPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the state of the ports: %w", err)
	}
	if s.loaded = err != nil; s.loaded {
		return nil, nil
	}
	saved, err := parseState(s.path, text)
	if err == nil {
		s.last, s.loaded = text, true
		return saved, nil
	}
	failure := &StateError{Path: s.path, Kept: s.path + time.Now().UTC().Format(keptSuffix), Err: err}
	if err := replaceFile(failure.Kept, text); err != nil {
		return nil, fmt.Errorf("read the state of the ports from %s: %w; keep it: %w", s.path, failure.Err, err)
	}
	s.loaded = true
	if text, err = os.ReadFile(s.backup()); err == nil {
		if saved, err = parseState(s.backup(), text); err == nil {
			failure.Backup = s.backup()
			return saved, failure
		}
	}
	return nil, failure
}

// parseState reads the content of a state file.
func parseState(name string, text []byte) (map[int]savedPort, error) {
	var file stateFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.Version != stateVersion {
		return nil, fmt.Errorf("it has version %d, not %d", file.Version, stateVersion)
	}
	saved := make(map[int]savedPort, len(file.Ports))
	for _, one := range file.Ports {
		if one.Port < 1 || one.Port > maxPort {
			return nil, fmt.Errorf("there is no port %d", one.Port)
		}
		b, err := parseBinding(name, one.Binding)
		if err != nil {
			return nil, err
		}
		b.Port = one.Port
		saved[one.Port] = savedPort{Binding: b, Candidate: one.Candidate}
	}
	return saved, nil
}

// formatState returns the content of a state file.
func formatState(saved map[int]savedPort) []byte {
	file := stateFile{Version: stateVersion, Ports: make([]statePort, 0, len(saved))}
	for _, number := range slices.Sorted(maps.Keys(saved)) {
		one := saved[number]
		file.Ports = append(file.Ports, statePort{Port: number, Candidate: one.Candidate, Binding: encodeBinding(&one.Binding)})
	}
	text, _ := json.MarshalIndent(file, "", "  ") // plain values
	return append(text, '\n')
}

// changed lets the state be written soon.
func (s *state) changed() {
	select {
	case s.dirty <- struct{}{}:
	default: // it is about to be
	}
}

// run writes the state whenever it has changed, until ctx is done. wrote is told the
// error of each write.
func (s *state) run(ctx context.Context, snapshot func() []byte, wrote func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.dirty:
			wrote(s.write(snapshot()))
		}
	}
}

// write replaces the file, once that was loaded, and makes the one before the backup.
func (s *state) write(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded || string(text) == string(s.last) {
		return nil
	}
	if s.last != nil {
		if err := replaceFile(s.backup(), s.last); err != nil {
			return fmt.Errorf("save the state of the ports: %w", err)
		}
	}
	if err := replaceFile(s.path, text); err != nil {
		return fmt.Errorf("save the state of the ports: %w", err)
	}
	s.last = text
	return nil
}

// replaceFile gives path the content text, which only its owner can read: there are
// passwords in it. Whoever reads sees all of it or what was there before, also after a
// power failure.
func replaceFile(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
