package main

import (
	"fmt"
	"io"
	"os"
)

// keyLogVariable names a file for the secrets of TLS, as it does for browsers and
// curl.
const keyLogVariable = "SSLKEYLOGFILE"

// openKeyLog opens the file that the environment wants secrets of TLS in, and says so,
// as everything recorded elsewhere can be read with them. Without one the writer is
// nil. done closes the file.
func openKeyLog(status *status) (w io.Writer, done func(), err error) {
	name := os.Getenv(keyLogVariable)
	if name == "" {
		return nil, func() {}, nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyLogVariable, err)
	}
	status.note("warning: whoever can read %s (%s) can read the TLS of this run", name, keyLogVariable)
	return f, func() { _ = f.Close() }, nil // a helper for other programs: what is missing shows there
}
