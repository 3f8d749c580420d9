package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// leftovers returns the spools below dir whose processes are gone and whose lines
// go to t. They are locked. What cannot be read is told to warn and left alone.
func leftovers(dir string, t Target, warn func(dir string, err error)) []*spool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // no folder, no spools
	}
	var found []*spool
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		s, err := openLeftover(dir, entry.Name(), t)
		switch {
		case errors.Is(err, errNotOurs):
		case err != nil:
			warn(filepath.Join(dir, entry.Name()), err)
		default:
			found = append(found, s)
		}
	}
	return found
}

// errNotOurs says that a folder is no spool, or one that is in use.
var errNotOurs = errors.New("not ours")

func openLeftover(dir, recorder string, t Target) (*spool, error) {
	s := newSpool(dir, recorder, 0)
	if _, err := os.Stat(filepath.Join(s.dir, aboutFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, errNotOurs
	}
	if err := s.acquire(); err != nil {
		if errors.Is(err, ErrSpoolInUse) || errors.Is(err, fs.ErrNotExist) {
			err = errNotOurs
		}
		return nil, err
	}
	err := s.readAbout()
	switch {
	case errors.Is(err, fs.ErrNotExist): // its process has just removed it
		return nil, errors.Join(errNotOurs, s.remove())
	case err == nil && s.about.Target != t.String():
		err = fmt.Errorf("its lines are for %s", s.about.Target)
	case err == nil:
		s.parts, err = findParts(s.dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.ended, s.left = true, true
	if n := len(s.parts); n > 0 {
		s.next = s.parts[n-1].end()
	}
	return s, nil
}

// readAbout reads what the spool says of itself.
func (s *spool) readAbout() error {
	text, err := os.ReadFile(filepath.Join(s.dir, aboutFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &s.about)
}
