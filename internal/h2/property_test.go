package h2_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// TestEveryByteArrives sends contents of all sizes on many streams at once, in
// pieces of all sizes, through windows of all sizes, in both directions.
func TestEveryByteArrives(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			client, _ := pair(t, windows(random), windows(random), echo)
			if _, err := client.PeerSettings(t.Context()); err != nil { // how many streams it may open
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 1 + random.IntN(40) {
				stream := rand.New(rand.NewPCG(random.Uint64(), 2))
				all.Go(func() { there(t, client, stream) })
			}
			all.Wait()
		})
	}
}

// windows returns windows of random sizes.
func windows(random *rand.Rand) h2.Config {
	return h2.Config{
		StreamWindow: 100 + random.IntN(1<<(4+random.IntN(16))),
		ConnWindow:   65_535 + random.IntN(1<<16),
		MaxBuffered:  1 << 20,
		MaxStreams:   uint32(1 + random.IntN(20)),
	}
}

// there sends random content and compares what comes back.
func there(t *testing.T, client *running, random *rand.Rand) {
	content := make([]byte, random.IntN(1<<(1+random.IntN(18))))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	trailer := traffic.Fields{{Name: "x-size", Value: fmt.Sprint(len(content))}}
	pieces := rand.New(rand.NewPCG(random.Uint64(), 3))
	s, err := client.Open(t.Context(), post("/", traffic.Field{Name: "content-length", Value: fmt.Sprint(len(content))}))
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	var sender sync.WaitGroup
	sender.Go(func() {
		for rest := content; len(rest) > 0; {
			n := 1 + pieces.IntN(min(len(rest), 1<<pieces.IntN(16)))
			if _, err := s.Write(rest[:n]); err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
		if err := s.CloseWrite(trailer); err != nil {
			t.Error(err)
		}
	})
	got, err := back(s, random)
	sender.Wait()
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(content), err)
	}
	if diff := cmp.Diff(trailer, s.Trailer(), cmpopts.IgnoreUnexported(traffic.Field{})); diff != "" {
		t.Error(diff)
	}
}

// back reads to the end in pieces of random sizes.
func back(s *h2.Stream, random *rand.Rand) ([]byte, error) {
	var all []byte
	buf := make([]byte, 1<<15)
	for {
		n, err := s.Read(buf[:1+random.IntN(len(buf))])
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}
