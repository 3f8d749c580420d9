//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// pacedRate is how many requests a second each recorder gets where latency is
// measured.
const pacedRate = 100

// bench is what measurements share.
type bench struct {
	dir, necto string
	window     time.Duration
	origin     *httptest.Server
	rows       int
}

// fleet is a Redis with recorders under load.
type fleet struct {
	redis     *server
	recorders []*recorder
	stopLoad  context.CancelFunc
	loads     sync.WaitGroup
}

// begin starts n recorders with a load each.
func (b *bench) begin(ctx context.Context, n, rate int) (*fleet, error) {
	b.rows++
	dir := filepath.Join(b.dir, fmt.Sprint(b.rows))
	redis, err := startRedis(ctx, filepath.Join(dir, "redis"))
	if err != nil {
		return nil, err
	}
	f := &fleet{redis: redis}
	for i := range n {
		r, err := b.startRecorder(ctx, redis, filepath.Join(dir, fmt.Sprint("recorder", i)))
		if err != nil {
			return nil, errors.Join(err, f.end())
		}
		f.recorders = append(f.recorders, r)
	}
	ctx, f.stopLoad = context.WithCancel(ctx)
	for _, r := range f.recorders {
		f.loads.Go(func() { r.load(ctx, b.origin.URL, rate) })
	}
	return f, nil
}

// done counts the answers of all clients.
func (f *fleet) done() (n int64) {
	for _, r := range f.recorders {
		n += r.done.Load()
	}
	return n
}

// finish ends the load and the recorders.
func (f *fleet) finish() error {
	f.stopLoad()
	f.loads.Wait()
	var err error
	for _, r := range f.recorders {
		err = errors.Join(err, r.stop())
		if n := r.failed.Load(); n > 0 {
			err = errors.Join(err, fmt.Errorf("%d requests failed", n))
		}
	}
	f.recorders = nil
	return err
}

func (f *fleet) end() error {
	var err error
	if len(f.recorders) > 0 && f.stopLoad != nil {
		err = f.finish()
	}
	f.redis.close()
	return err
}

// measure returns a row of the table.
func (b *bench) measure(ctx context.Context, n, rate int) (string, error) {
	f, err := b.begin(ctx, n, rate)
	if err != nil {
		return "", err
	}
	row, err := b.row(ctx, f, n, rate)
	return row, errors.Join(err, f.end())
}

func (b *bench) row(ctx context.Context, f *fleet, n, rate int) (string, error) {
	time.Sleep(b.window / 5) // until connections are open and caches warm
	watching, stop := context.WithCancel(ctx)
	defer stop()
	w := &watcher{redis: f.redis}
	watched := make(chan error, 1)
	go func() { watched <- w.run(watching) }()
	before, err := f.redis.usage(ctx)
	if err != nil {
		return "", err
	}
	done, began := f.done(), time.Now()
	time.Sleep(b.window)
	took := time.Since(began).Seconds()
	exchanges := float64(f.done() - done)
	after, err := f.redis.usage(ctx)
	if err != nil {
		return "", err
	}
	stop()
	if err := <-watched; err != nil {
		return "", err
	}
	if err := f.finish(); err != nil {
		return "", err
	}
	lines, cpu := float64(after.lines-before.lines), after.cpu-before.cpu
	load := "full"
	if rate > 0 {
		load = fmt.Sprintf("%d/s each", rate)
	}
	return fmt.Sprintf("| %d | %s | %.0f | %.0f | %.0f %% | %.0f | %s | %s | %.0f |", n, load, exchanges/took, lines/took,
		100*cpu.Seconds()/took, float64(cpu.Microseconds())/lines, w.percentile(50), w.percentile(99),
		float64(after.memory-before.memory)/lines), nil
}

// watcher is the remote subscriber: it reads the stream as it grows.
type watcher struct {
	redis     *server
	latencies []time.Duration
}

// run reads until ctx is done.
func (w *watcher) run(ctx context.Context) error {
	for from := "$"; ctx.Err() == nil; {
		streams, err := w.redis.client.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, from}, Count: 512, Block: 200 * time.Millisecond}).Result()
		switch {
		case errors.Is(err, redis.Nil), err != nil && ctx.Err() != nil:
			continue
		case err != nil:
			return err
		}
		now := time.Now()
		for _, entry := range streams[0].Messages {
			from = entry.ID
			if err := w.line(entry, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// line notes how long ago an exchange has ended.
func (w *watcher) line(entry redis.XMessage, now time.Time) error {
	text, _ := entry.Values["line"].(string)
	if !strings.HasPrefix(text, exchangeLine) {
		return nil
	}
	var x struct {
		At time.Time
		Ms float64
	}
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		return err
	}
	ended := x.At.Add(time.Duration(x.Ms * float64(time.Millisecond)))
	w.latencies = append(w.latencies, now.Sub(ended))
	return nil
}

// percentile returns a latency in words.
func (w *watcher) percentile(p int) string {
	if len(w.latencies) == 0 {
		return "-"
	}
	slices.Sort(w.latencies)
	return w.latencies[(len(w.latencies)-1)*p/100].Round(time.Millisecond).String()
}
