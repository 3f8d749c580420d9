package eventserver

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// rss returns the memory of this process in bytes.
func rss(t testing.TB) int64 {
	t.Helper()
	return rssOf(t, os.Getpid())
}

// rssOf returns that of a process.
func rssOf(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func TestMemoryIsBoundedWithAClientThatNeverReads(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const ringBytes, historyBytes, events = 16 << 20, 8 << 20, 200_000
	s, address := start(t, Options{RingBytes: ringBytes, HistoryBytes: historyBytes})
	subscribed(t, address, nil) // which never reads
	p := subscribed(t, address, nil)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			if e, err := p.Next(); err != nil || e.Name == marked {
				return
			}
		}
	}()
	for range 2 { // what pools have of tests before is free the second time
		debug.FreeOSMemory()
	}
	before, most := rss(t), int64(0)
	content := strings.Repeat("x", 1024)
	for id := range traffic.ExchangeID(events / 2) { // each has two
		observe(s, id+1, "http://a.test/", content)
		if id%1000 == 0 {
			most = max(most, rss(t))
		}
	}
	mark(s)
	<-read
	// Twice as much as is in use may be garbage.
	if grown := max(most, rss(t)) - before; grown > 4*(ringBytes+historyBytes) {
		t.Errorf("%d MiB more in use than before, with a ring and a history of %d MiB", grown>>20, int64(ringBytes+historyBytes)>>20)
	} else {
		t.Logf("%d MiB more", grown>>20)
	}
}
