package eventserver

import (
	"testing"
	"time"
)

func TestASubscriberThatWaitsTakesLittleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	address, pid := startAlone(t)
	subscribeBare(t, address) // what the first one makes is for all
	before := rssOf(t, pid)
	const subscribers, most = 500, 50 << 10
	for range subscribers {
		subscribeBare(t, address)
	}
	each := int64(0)
	for deadline := time.Now().Add(4 * settleTime); time.Now().Before(deadline); time.Sleep(settleTime / 10) {
		if each = (rssOf(t, pid) - before) / subscribers; each <= most {
			return
		}
	}
	t.Errorf("%d bytes each, want at most %d", each, most)
}

// subscribeBare subscribes to all traffic on a connection that lasts as long as the
// test.
func subscribeBare(t *testing.T, address string) {
	t.Helper()
	c := bareSocket(t, address)
	c.write(textFrame("40"), textFrame(`420["traffic:subscribe",{}]`))
	c.expect(`430[{"ok":true`)
}
