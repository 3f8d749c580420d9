package eventserver

import (
	"strconv"
	"testing"
	"time"
)

// arrivals is how often tests try what goes wrong in a moment only.
const arrivals = 1000

func TestPacketsThatComeWithTheConnectAreHeard(t *testing.T) {
	_, address := start(t, Options{})
	packets := [][]byte{textFrame("40"), textFrame(`420["traffic:subscribe",{}]`), textFrame(`421["session:subscribe","a"]`)}
	for range arrivals {
		c := bareSocket(t, address)
		c.write(packets...)
		c.expect(`431[{"ok":true`)
		_ = c.Close()
	}
}

func TestWhatIsPublishedAfterTheConnectComes(t *testing.T) {
	s, address := start(t, Options{})
	for range arrivals {
		p := dial(t, address)
		mark(s)
		p.expect(marked)
		_ = p.Close()
	}
}

func TestClientsThatLeaveAndComeBackOnOneConnection(t *testing.T) {
	s, address := start(t, Options{})
	c := bareSocket(t, address)
	for range 100 {
		c.write(textFrame("40"), textFrame(`420["traffic:subscribe",{}]`))
		c.expect(`430[{"ok":true`)
		c.write(textFrame("41"))
		awaitClients(t, s, 0)
	}
	alive(t, s, address)
}

func TestClientsThatLeaveWithTheConnectLeaveNothing(t *testing.T) {
	s, address := start(t, Options{})
	for range arrivals / 10 {
		c := bareSocket(t, address)
		c.write(textFrame("40"), textFrame("41"), textFrame("1"))
		_ = c.Close()
	}
	alive(t, s, address)
}

// awaitClients waits until n clients are connected.
func awaitClients(t testing.TB, s *Server, n int) {
	t.Helper()
	eventually(t, strconv.Itoa(n)+" clients", func() bool { return s.Stats().Clients == n })
}

// eventually waits until something is the case.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
