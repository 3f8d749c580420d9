package convert

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/necto-dev/necto/record"
)

// publish gives the recording and its bodies their names. What had them is gone
// then.
func (f *file) publish() error {
	for _, step := range f.steps() {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// steps returns what publish does. Whoever stops between two of them leaves a whole
// recording: bodies are named for their content, so that those of the old file and of
// the new one lie in one folder until the file has changed, which is one step.
func (f *file) steps() []func() error {
	from, to := record.BodiesDir(f.temp), record.BodiesDir(f.path)
	var steps []func() error
	if len(f.bodies) > 0 {
		steps = append(steps, func() error { return os.MkdirAll(to, 0o700) })
	}
	for _, name := range slices.Sorted(maps.Keys(f.bodies)) {
		steps = append(steps, func() error { return os.Rename(filepath.Join(from, name), filepath.Join(to, name)) })
	}
	return append(steps,
		func() error { return os.Rename(f.temp, f.path) },
		func() error { return record.PruneBodies(f.path, f.bodies) },
	)
}
