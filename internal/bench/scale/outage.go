//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// away is how long Redis is stopped.
const away = 10 * time.Second

// outageRate is how many requests a second each recorder gets in an outage that is
// not under full load: less than the machine can do, so that it does not matter that
// Redis leaves its processor to others.
const outageRate = 500

// phases are what Redis does, one after the other. Each is measured for as long as
// Redis is stopped.
var phases = [...]string{"runs", "is stopped", "runs again, and gets what has waited", "runs"}

// outage stops Redis while four recorders are under load, looks whether the stream has
// every exchange once and in order afterwards, and prints the table of docs/scale.md:
// a column for each load.
func (b *bench) outage(ctx context.Context) error {
	var rates [2][len(phases)]float64
	var answers [2]int64
	for i, rate := range []int{outageRate, 0} {
		f, err := b.begin(ctx, 4, rate)
		if err != nil {
			return err
		}
		rates[i], answers[i], err = b.stopRedis(ctx, f)
		if err := errors.Join(err, f.end()); err != nil {
			return err
		}
	}
	fmt.Printf("| Redis | exchanges/s at %d/s each | exchanges/s at full load |\n|---|---|---|\n", outageRate)
	for i, phase := range phases {
		fmt.Printf("| %s | %.0f | %.0f |\n", phase, rates[0][i], rates[1][i])
	}
	fmt.Printf("\nAfterwards the stream had all %s and %s exchanges, each once and in order.\n",
		humanize.Comma(answers[0]), humanize.Comma(answers[1]))
	return nil
}

// stopRedis returns how many exchanges a second there were in each phase, and how many
// in all.
func (b *bench) stopRedis(ctx context.Context, f *fleet) (rates [len(phases)]float64, answers int64, err error) {
	time.Sleep(b.window / 5)
	for i, phase := range phases {
		switch i {
		case 1:
			f.redis.kill()
		case 2:
			if err := f.redis.start(ctx); err != nil {
				return rates, 0, err
			}
		}
		done, began := f.done(), time.Now()
		time.Sleep(away)
		rates[i] = float64(f.done()-done) / time.Since(began).Seconds()
		fmt.Fprintf(os.Stderr, "scale: Redis %s: %.0f exchanges/s\n", phase, rates[i])
	}
	f.stopLoad()
	f.loads.Wait()
	answers = f.done()
	if err := f.finish(); err != nil {
		return rates, answers, err
	}
	return rates, answers, b.check(ctx, f.redis, answers)
}

// check compares what clients got with the stream, and with what that converts to.
func (b *bench) check(ctx context.Context, redis *server, answers int64) error {
	inStream, err := inOrder(ctx, redis)
	if err != nil {
		return err
	}
	path := filepath.Join(b.dir, fmt.Sprint("all-", b.rows, ".jsonl"))
	convert := exec.CommandContext(ctx, b.necto, "convert", "-o", path, "redis://"+redis.addr+"/"+stream)
	if said, err := convert.CombinedOutput(); err != nil {
		return fmt.Errorf("necto convert: %w: %s", err, said)
	}
	converted, err := count(path)
	if err != nil {
		return err
	}
	if inStream != answers || converted != answers {
		return fmt.Errorf("%d answers, %d exchanges in the stream, %d in what it converts to", answers, inStream, converted)
	}
	return nil
}

// inOrder goes through the stream, in which the lines of each recorder have to be
// numbered without a gap, and counts exchanges.
func inOrder(ctx context.Context, redis *server) (exchanges int64, err error) {
	last := map[string]uint64{}
	for from := "-"; ; {
		entries, err := redis.client.XRangeN(ctx, stream, from, "+", 1000).Result()
		if err != nil || len(entries) == 0 {
			return exchanges, err
		}
		for _, entry := range entries {
			recorder, _ := entry.Values["recorder"].(string)
			line, _ := entry.Values["line"].(string)
			_, rest, _ := strings.Cut(line, `"seq":`)
			digits, _, _ := strings.Cut(rest, ",")
			seq, err := strconv.ParseUint(digits, 10, 64)
			if err != nil || seq != last[recorder]+1 {
				return 0, fmt.Errorf("line %s of %s comes after %d", digits, recorder, last[recorder])
			}
			last[recorder] = seq
			if strings.HasPrefix(line, exchangeLine) {
				exchanges++
			}
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

// exchangeLine is how the line of an exchange begins.
const exchangeLine = `{"type":"http",`

// count counts the exchanges of a recording.
func count(path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), exchangeLine) {
			n++
		}
	}
	return n, lines.Err()
}
