//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stream is what all recorders send to.
const stream = "scale"

// clients is how many connections each recorder has, each with one request under
// way at a time.
const clients = 8

// content is what the origin answers: 1 KiB of JSON.
var content = append(append([]byte(`{"items":["`), bytes.Repeat([]byte("x"), 1024-14)...), `"]}`...)

// startOrigin starts the server that recorders are in front of.
func startOrigin() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(content) // a client that has left has nobody to tell
	}))
}

// recorder is a necto record and its clients.
type recorder struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	proxy  *url.URL
	done   atomic.Int64 // answers
	failed atomic.Int64
}

// startRecorder starts necto record with a spool of its own below dir.
func (b *bench) startRecorder(ctx context.Context, redis *server, dir string) (*recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready")
	// The end of ctx does not end it: stop does.
	r := &recorder{cmd: exec.CommandContext(context.WithoutCancel(ctx), b.necto, "record", "--listen", "127.0.0.1:0", "--ca-dir", filepath.Join(b.dir, "ca"),
		"-o", "redis://"+redis.addr+"/"+stream, "--spool", filepath.Join(dir, "spool"), "--ready-file", ready)}
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var info struct{ Proxy string }
		text, err := os.ReadFile(ready)
		if err == nil && json.Unmarshal(text, &info) == nil {
			r.proxy, err = url.Parse(info.Proxy)
			return r, err
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("necto record is not ready: %s", &r.stderr), r.cmd.Process.Kill())
		}
	}
}

// stop ends the recorder when Redis has everything.
func (r *recorder) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("necto record: %w: %s", err, &r.stderr)
	}
	return nil
}

// load sends requests until ctx is done: so many a second in all, or with 0 as many
// as there can be.
func (r *recorder) load(ctx context.Context, origin string, rate int) {
	var running sync.WaitGroup
	defer running.Wait()
	for range clients {
		running.Go(func() {
			c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(r.proxy), DisableCompression: true}}
			defer c.CloseIdleConnections()
			var pace <-chan time.Time
			if rate > 0 {
				tick := time.NewTicker(time.Second * clients / time.Duration(rate))
				defer tick.Stop()
				pace = tick.C
			}
			for ctx.Err() == nil {
				if pace != nil {
					select {
					case <-pace:
					case <-ctx.Done():
						return
					}
				}
				r.ask(context.WithoutCancel(ctx), c, origin) // what was asked is answered
			}
		})
	}
}

// ask counts the answer to a request, or that there was none.
func (r *recorder) ask(ctx context.Context, c *http.Client, origin string) {
	if err := ask(ctx, c, origin); err != nil {
		r.failed.Add(1)
		return
	}
	r.done.Add(1)
}

func ask(ctx context.Context, c *http.Client, origin string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin, nil)
	if err != nil {
		return err
	}
	answer, err := c.Do(request)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK || !bytes.Equal(body.Bytes(), content) {
		return errors.New("a wrong answer")
	}
	return nil
}
