//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// away is how long Redis is stopped.
const away = 10 * time.Second

// outage stops Redis while four recorders are under load, and looks whether the
// stream has every exchange once and in order afterwards.
func (b *bench) outage(ctx context.Context) error {
	f, err := b.begin(ctx, 4, 0)
	if err != nil {
		return err
	}
	return errors.Join(b.stopRedis(ctx, f), f.end())
}

func (b *bench) stopRedis(ctx context.Context, f *fleet) error {
	time.Sleep(b.window / 5)
	fmt.Println("| Redis | exchanges/s |")
	fmt.Println("|---|---|")
	rate := func(name string) {
		done, began := f.done(), time.Now()
		time.Sleep(away)
		fmt.Printf("| %s | %.0f |\n", name, float64(f.done()-done)/time.Since(began).Seconds())
	}
	rate("runs")
	f.redis.kill()
	rate("is stopped")
	if err := f.redis.start(ctx); err != nil {
		return err
	}
	rate("runs again, and gets what has waited")
	rate("runs")
	f.stopLoad()
	f.loads.Wait()
	answers := f.done()
	if err := f.finish(); err != nil {
		return err
	}
	return b.check(ctx, f.redis, answers)
}

// check converts the stream and compares it with what the clients got.
func (b *bench) check(ctx context.Context, redis *server, answers int64) error {
	path := filepath.Join(b.dir, "all.jsonl")
	convert := exec.CommandContext(ctx, b.necto, "convert", "-o", path, "redis://"+redis.addr+"/"+stream)
	convert.Stderr = os.Stderr
	if err := convert.Run(); err != nil {
		return err
	}
	entries, err := redis.client.XLen(ctx, stream).Result()
	if err != nil {
		return err
	}
	exchanges, recorders, err := count(path)
	if err != nil {
		return err
	}
	// Each recorder has a line at the beginning, and one at the end.
	if exchanges != answers || entries != answers+2*recorders {
		return fmt.Errorf("%d answers, %d exchanges in the recording, %d entries of %d recorders", answers, exchanges, entries, recorders)
	}
	fmt.Printf("\n%d answers, %d exchanges of %d recorders in the stream, each once and in order\n", answers, exchanges, recorders)
	return nil
}

// count counts the exchanges and recorders of a converted stream, in which the
// numbers of exchanges have to rise as they began at each recorder.
func count(path string) (exchanges, recorders int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	seen := map[uint64]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Type string
			ID   uint64
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return 0, 0, err
		}
		switch {
		case strings.HasPrefix(l.Type, "meta"):
			recorders++
		case l.Type == "http":
			if seen[l.ID] {
				return 0, 0, fmt.Errorf("exchange %d is there twice", l.ID)
			}
			seen[l.ID] = true
			exchanges++
		}
	}
	return exchanges, recorders, lines.Err()
}
