//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: error: the measurements need Linux (epoll, process CPU clocks, /proc)")
	os.Exit(1)
}
