package h2_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/internal/h2"
)

// bubble runs a server on a pipe, in time that passes at once.
func bubble(t *testing.T, cfg h2.Config, handle func(*h2.Stream), test func(client net.Conn, ended <-chan error)) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- h2.Server(server, cfg, handle).Run(t.Context()) }()
		test(client, ended)
		client.Close()
		synctest.Wait()
	})
}

// hello is what a client begins with, and acknowledges.
var hello = http2.ClientPreface + string(raw(http2.FrameSettings, 0, 0)) + string(raw(http2.FrameSettings, 1, 0))

func TestPeersThatSayNothing(t *testing.T) {
	tests := []struct {
		name  string
		cfg   h2.Config
		says  string
		after time.Duration
		want  string
	}{
		{"no preface", h2.Config{}, "", 10 * time.Second, "SETTINGS_TIMEOUT"},
		{"half a preface", h2.Config{}, "PRI * HT", 10 * time.Second, "SETTINGS_TIMEOUT"},
		{"no acknowledgement", h2.Config{}, hello[:len(hello)-9], 10 * time.Second, "SETTINGS_TIMEOUT"},
		{"half a frame", h2.Config{}, hello + "\x00\x00", time.Minute, "ENHANCE_YOUR_CALM"},
		{"no stream", h2.Config{IdleTimeout: time.Minute}, hello, time.Minute, ""},
		{"no answer to a PING", h2.Config{PingAfter: time.Minute}, hello, 70 * time.Second, "the peer does not answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.cfg, echo, func(client net.Conn, ended <-chan error) {
				begun := time.Now()
				go func() { _, _ = io.Copy(io.Discard, client) }()
				if _, err := io.WriteString(client, test.says); err != nil {
					t.Fatal(err)
				}
				err := <-ended
				if took := time.Since(begun).Round(time.Second); took != test.after {
					t.Errorf("ended after %v, want %v", took, test.after)
				}
				if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.HasPrefix(got, test.want) && test.want != "" {
					t.Errorf("ended with %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestPeersThatAnswerStay(t *testing.T) {
	bubble(t, h2.Config{PingAfter: time.Minute}, echo, func(client net.Conn, ended <-chan error) {
		var pings atomic.Int32
		go func() {
			framer := http2.NewFramer(client, client)
			for {
				f, err := framer.ReadFrame()
				if err != nil {
					return
				}
				if f, ok := f.(*http2.PingFrame); ok {
					pings.Add(1)
					_ = framer.WritePing(true, f.Data)
				}
			}
		}()
		if _, err := io.WriteString(client, hello); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			t.Errorf("ended with %v", err)
		case <-time.After(10*time.Minute + time.Second):
		}
		if n := pings.Load(); n != 10 {
			t.Errorf("asked %d times in 10 minutes", n)
		}
	})
}

func TestPeersThatGiveNoWindow(t *testing.T) {
	var stalled chan error
	bubble(t, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		_, err := s.Write(make([]byte, 100_000)) // more than the window
		stalled <- err
	}, func(client net.Conn, ended <-chan error) {
		stalled = make(chan error, 1)
		got := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(client)
			got <- string(all)
		}()
		begun := time.Now()
		head := string(raw(http2.FrameHeaders, 5, 1, 0x82, 0x86, 0x84, 1, 1, 'a'))
		if _, err := io.WriteString(client, hello+head); err != nil {
			t.Fatal(err)
		}
		err := <-stalled
		checkReset(t, err, h2.CodeCancel, false)
		if e, ok := errors.AsType[*h2.StreamError](err); !ok || !e.Stalled || !e.Timeout() {
			t.Errorf("ended with %v, which is no timeout", err)
		}
		if took := time.Since(begun); took != 5*time.Minute {
			t.Errorf("the stream ended after %v", took)
		}
		synctest.Wait()
		client.Close()
		<-ended
		if all, want := <-got, string(raw(http2.FrameRSTStream, 0, 1, 0, 0, 0, 8)); !strings.HasSuffix(all, want) {
			t.Errorf("the client got %d bytes, the last %q", len(all), all[len(all)-20:])
		}
	})
}

func TestPeersThatReadNothing(t *testing.T) {
	bubble(t, h2.Config{}, echo, func(client net.Conn, ended <-chan error) {
		begun := time.Now()
		if _, err := io.WriteString(client, hello); err != nil {
			t.Fatal(err)
		}
		err := <-ended
		if took := time.Since(begun); took != 5*time.Minute || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended after %v with %v", took, err)
		}
	})
}
