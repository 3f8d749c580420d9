package convert

import (
	"os"

	"github.com/necto-dev/necto/record"
)

// source is an input.
type source struct {
	// File has the lines, nil for a HAR that is read from its beginning to its end:
	// all content is in the lines then.
	*record.File
	path string
}

// openSource opens the recording or HAR at path. Of a HAR that is to be streamed
// no copy is made.
func openSource(path string, stream bool) (source, error) {
	if stream && isHAR(path) {
		return source{path: path}, nil
	}
	f, err := record.Open(path)
	return source{f, path}, err
}

// isHAR reports whether the file at path is a HAR. Of one that cannot be opened
// record.Open says why.
func isHAR(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return record.IsHAR(f)
}

// once reports whether the lines can be gone through only once, by scan.
func (s source) once() bool { return s.File == nil }

// scan calls fn for each line.
func (s source) scan(warn func(string), fn func(record.Line) error) error {
	if s.File == nil {
		return record.ScanHAR(s.path, warn, fn)
	}
	return s.Scan(fn)
}

// close closes the input and tells warn of what was wrong with it.
func (s source) close(warn func(string)) {
	if s.File == nil {
		return // it was scanned
	}
	for _, warning := range s.Warnings() {
		warn(warning)
	}
	s.Close()
}
