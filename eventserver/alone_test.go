package eventserver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// aloneServer in the environment makes this program a server, so that a test can
// look at a process with nothing else in it.
const aloneServer = "NECTO_TEST_SERVER"

// serveAlone serves until it is killed, and prints its URL. The heap is as large as
// that of necto, so that garbage is not collected sooner.
func serveAlone() error {
	heap := make([]byte, 32<<20)
	defer runtime.KeepAlive(heap)
	s := New(Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return (&http.Server{Handler: s.Handler(), ReadHeaderTimeout: patience}).Serve(listener)
}

// startAlone starts this program as a server, and returns its address and process.
func startAlone(t *testing.T) (address string, pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), aloneServer+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}
