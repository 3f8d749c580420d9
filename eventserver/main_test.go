package eventserver

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(aloneServer) != "" {
		fmt.Fprintln(os.Stderr, serveAlone()) // until it is killed
		os.Exit(1)
	}
	// The library keeps a timer for half a minute for a client of polling that sent
	// garbage and does not come for the answer. What sockets leave behind is counted
	// by TestManyClientsComeAndGo.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1"))
}
