package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be left alone before they are read: editors
// write one in several steps.
const settle = 100 * time.Millisecond

// WatchOptions says who is asked and told. Functions are called one at a time, from a
// goroutine of the Watcher; nil ones are not called.
type WatchOptions struct {
	// Check is asked whether a set that is in order by itself can be used here. An
	// error keeps the old one in force.
	Check func(*Set) error
	// Changed is told of a new set in force, and what it has changed about
	// rules: nothing if only something else is different.
	Changed func(*Set, []Change)
	// Failed is told why files cannot be used, in which case the old set stays
	// in force. It is told once, and again only if the reason is another one.
	Failed func(error)
}

// Watcher puts rules files in force again when they change. Watch makes one.
type Watcher struct {
	paths   []string
	store   *Store
	o       WatchOptions
	fs      *fsnotify.Watcher
	files   []string // whose changes count
	folders []string // in which every rules file counts
	done    sync.WaitGroup
	failure string // what Failed was told last, "" after a success
}

// Watch begins to watch what Load was given, for store. Editors that write
// another file and rename it are understood, as are files that come and go in a
// folder. The caller closes the Watcher.
func Watch(paths []string, store *Store, o WatchOptions) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch rules: %w", err)
	}
	w := &Watcher{paths: slices.Clone(paths), store: store, o: o, fs: fs}
	for _, path := range paths {
		if err := w.add(path); err != nil {
			return nil, errors.Join(fmt.Errorf("watch rules: %w", err), fs.Close())
		}
	}
	w.done.Go(w.run)
	return w, nil
}

// Close ends the watching. Nobody is told anything afterwards.
func (w *Watcher) Close() error {
	err := w.fs.Close()
	w.done.Wait()
	return err
}

// add watches a folder, or the folder of a file: a file that is replaced by
// renaming is another one, its folder is what stays. Of a symbolic link both the
// link and what it points at can change.
func (w *Watcher) add(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	if info.IsDir() {
		w.folders = append(w.folders, filepath.Clean(path))
		return w.fs.Add(path)
	}
	w.files = append(w.files, filepath.Clean(path), target)
	return errors.Join(w.fs.Add(filepath.Dir(path)), w.fs.Add(filepath.Dir(target)))
}

// run reads the files again whenever they have changed and settled.
func (w *Watcher) run() {
	timer := time.NewTimer(settle)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if w.counts(e) {
				timer.Reset(settle)
			}
		case _, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			timer.Reset(settle) // events may be lost: look
		case <-timer.C:
			w.reload()
		}
	}
}

// counts reports whether an event is about one of the files. Others in the same
// folder, such as a recording, change all the time.
func (w *Watcher) counts(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Clean(e.Name)
	return slices.Contains(w.files, name) ||
		slices.Contains(w.folders, filepath.Dir(name)) && isRulesFile(filepath.Base(name))
}

// reload puts the files in force, if they are in order.
func (w *Watcher) reload() {
	set, err := Load(w.paths...)
	if err == nil && w.o.Check != nil {
		err = w.o.Check(set)
	}
	if err != nil {
		if text := err.Error(); text != w.failure {
			w.failure = text
			if w.o.Failed != nil {
				w.o.Failed(err)
			}
		}
		return
	}
	w.failure = ""
	changes := w.store.Replace(set)
	if w.o.Changed != nil {
		w.o.Changed(set, changes)
	}
}
