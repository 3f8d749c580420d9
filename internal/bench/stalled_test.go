//go:build linux

package main

import (
	"bufio"
	"context"
	"net"
	"testing"
	"time"
)

func TestPassExchanges(t *testing.T) {
	l := testLab(t)
	origin := mustHelper(t, l, "origin", nil)
	relayed := counts{}
	relay := subject{rawRelay, func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		c, err := startHelper("relay", loadItems)(ctx, l, origin)
		if err == nil {
			c.stop = func(n counts) error {
				relayed = n
				return nil
			}
			t.Cleanup(c.kill)
		}
		return c, err
	}}
	const exchanges = 500
	got, err := passExchanges(t.Context(), l, relay, origin, exchanges, plan{window: 10 * time.Millisecond, idle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got.PeakRSS < 1<<20 || got.IdleRSS < 1<<20 || got.IdleRSS > got.PeakRSS {
		t.Errorf("result = %+v", got)
	}
	if relayed.requests < exchanges {
		t.Errorf("%d requests, want %d or more", relayed.requests, exchanges)
	}
}

func TestMissed(t *testing.T) {
	tests := []struct {
		name, heard string
		ends, ok    bool
	}{
		{"is told", `42["lagged",{"dropped":7}]`, false, true},
		{"is disconnected", `42["traffic:batch",[]]`, true, true},
		{"is told nothing", `42["traffic:batch",[]]`, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			defer server.Close()
			go func() {
				_, _ = server.Write(messageFrame([]byte(tt.heard))) // the client may have gone
				if tt.ends {
					_ = server.Close()
				}
			}()
			s := &subscriber{conn: client, r: bufio.NewReader(client)}
			if err := s.missed(50 * time.Millisecond); (err == nil) != tt.ok {
				t.Errorf("missed = %v, want ok %t", err, tt.ok)
			}
		})
	}
}
