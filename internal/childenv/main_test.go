package childenv

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asClient makes the test binary a Go client that gets the URL in it.
const asClient = "NECTO_TEST_GET"

func TestMain(m *testing.M) {
	if url := os.Getenv(asClient); url != "" {
		if err := get(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func get(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
