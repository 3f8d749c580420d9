package proxy_test

import (
	"io"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
)

// TestHTTP2SilentStreams holds what streams cost that say little, as those of
// subscriptions do, with their two ends, which are in the same process.
func TestHTTP2SilentStreams(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures memory")
	}
	const (
		streams = 900
		limit   = 64 << 10 // in bytes
	)
	client, addr, _ := setupEngine(t, proxy.Options{Observer: ignore{}}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		_, _ = io.CopyBuffer(struct{ io.Writer }{st}, struct{ io.Reader }{st}, make([]byte, kibibyte))
		_ = st.CloseWrite(nil)
	})
	before := memoryInUse()
	var open []*h2.Stream
	for range streams {
		st := send(t, client, h2.RequestHead("POST", "https", addr, "/", nil))
		if _, err := st.ReadHead(t.Context()); err != nil {
			t.Fatal(err)
		}
		open = append(open, st)
	}
	said := make([]byte, 5)
	for range 3 {
		for _, st := range open {
			if _, err := st.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
		}
		for _, st := range open {
			if _, err := io.ReadFull(st, said); err != nil || string(said) != "hello" {
				t.Fatalf("%q, %v", said, err)
			}
		}
	}
	each := (memoryInUse() - before) / streams
	t.Logf("%d streams: %d bytes for each", streams, each)
	if each > limit {
		t.Errorf("a stream costs %d bytes", each)
	}
}
