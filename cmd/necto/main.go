// Command necto records HTTP and HTTPS traffic through an intercepting proxy
// and answers from such recordings. See the README, or run necto help.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), systemIO(), os.Args[1:]))
}
