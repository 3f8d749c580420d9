//go:build linux

// Scale measures how many recorders one Redis carries, and prints the tables of
// docs/scale.md. It needs redis-server, which it starts on a loopback port, and the
// go command, with which it builds necto.
//
//	cd internal/bench && go run ./scale            # 1, 2, 4 and 8 recorders
//	cd internal/bench && go run ./scale -outage    # four of them, Redis away for ten seconds
//
// Everything runs on one machine: origin, clients, recorders, Redis and subscriber
// share its processors, so the rates are those of the machine and not of a Redis.
// What a Redis can do is in the processor time that it took for a line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	outage := flag.Bool("outage", false, "stop Redis for ten seconds while four recorders are under load")
	window := flag.Duration("window", 10*time.Second, "how long each row is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *outage, *window); err != nil {
		fmt.Fprintln(os.Stderr, "scale: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, outage bool, window time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "necto-scale-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{dir: dir, necto: filepath.Join(dir, "necto"), window: window}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.necto, "./cmd/necto")
	build.Dir, build.Stderr = filepath.Join("..", ".."), os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build necto: %w", err)
	}
	b.origin = startOrigin()
	defer b.origin.Close()
	if outage {
		return b.outage(ctx)
	}
	fmt.Println("| recorders | load | exchanges/s | lines/s | Redis CPU | µs of Redis a line | p50 | p99 | MB in Redis for a million |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, load := range []int{pacedRate, 0} {
		for _, n := range []int{1, 2, 4, 8} {
			row, err := b.measure(ctx, n, load)
			if err != nil {
				return err
			}
			fmt.Println(row)
		}
	}
	return nil
}
