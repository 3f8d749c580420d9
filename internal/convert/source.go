package convert

import (
	"os"

	"github.com/necto-dev/necto/record"
)

// source is an input.
type source struct {
	*record.File
	// streamed says that it is a HAR that is read from its beginning to its end, once.
	streamed bool
}

// openSource opens the recording or HAR at path. Of a HAR that is to be streamed
// no copy is made.
func openSource(path string, stream bool) (source, error) {
	if stream && isHAR(path) {
		f, err := record.OpenHAR(path)
		return source{f, true}, err
	}
	f, err := record.Open(path)
	return source{f, false}, err
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

// close closes the input and tells warn of what was wrong with it.
func (s source) close(warn func(string)) {
	for _, warning := range s.Warnings() {
		warn(warning)
	}
	s.Close()
}
