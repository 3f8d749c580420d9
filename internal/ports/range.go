package ports

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// DefaultFormat is the Format of a Range that has none.
const DefaultFormat = "127.0.0.1:%d"

// maxPort is the highest port there is.
const maxPort = 1<<16 - 1

// Range is the ports of a pool. The zero value has none.
type Range struct {
	// Start is the first port, and Count how many there are.
	Start int `json:"start"`
	Count int `json:"count"`
	// Format makes an address to listen at of a port, as "127.0.0.1:%d".
	Format string `json:"format"`
}

// Check says what is wrong with a Range.
func (r Range) Check() error {
	switch {
	case r.Start < 1 || r.Start > maxPort:
		return fmt.Errorf("%d is no port to start at", r.Start)
	case r.Count < 1:
		return fmt.Errorf("a pool of %d ports", r.Count)
	case r.Count > maxPort-r.Start+1:
		return fmt.Errorf("%d ports from %d are more than there are", r.Count, r.Start)
	}
	return checkFormat(r.Format)
}

// checkFormat says what is wrong with the Format of a Range.
func checkFormat(format string) error {
	err := fmt.Errorf("%q is no host with %%d for the port, such as %q", format, DefaultFormat)
	if strings.Count(format, "%") != 1 || !strings.HasSuffix(format, ":%d") {
		return err
	}
	host, _, splitErr := net.SplitHostPort(strings.Replace(format, "%d", "1", 1))
	if splitErr != nil || host == "" {
		return err
	}
	return nil
}

// Has reports whether a port is one of the pool's.
func (r Range) Has(port int) bool { return port >= r.Start && port < r.Start+r.Count }

// Addr returns where a port listens, host:port.
func (r Range) Addr(port int) string {
	return strings.Replace(r.Format, "%d", strconv.Itoa(port), 1)
}

// String returns start:count, as 9Proxy's settingPortChange has it.
func (r Range) String() string { return fmt.Sprintf("%d:%d", r.Start, r.Count) }
