package eventserver

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(deliveryServer) != "" {
		fmt.Fprintln(os.Stderr, serveDelivery()) // until it is killed
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
