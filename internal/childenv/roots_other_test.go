//go:build !windows

package childenv

import (
	"strings"
	"testing"
)

func TestSystemRootsAbsent(t *testing.T) {
	err := new(certSet).addFirst([]string{"/no/such/file"})
	if err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("error %v does not say where it looked", err)
	}
}
