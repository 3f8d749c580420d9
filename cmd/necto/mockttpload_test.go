package main

import (
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
)

// TestMockttpUnderLoad has many requests at once, while other clients of /mockttp
// come, choose and go.
func TestMockttpUnderLoad(t *testing.T) {
	const clients, requests = 8, 50
	l := newMockttpLab(t, mockttpOptions{rules: "  - {name: tagged, match: {path: /echo}, tag: [load]}"})
	origin := nectest.NewOrigin(t)
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.addr}), MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			client := http.Client{Transport: transport}
			for range requests {
				resp, err := client.Get(origin.URL + "/echo")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body) // it is empty
				resp.Body.Close()
			}
		})
	}
	for range 10 {
		watchMockttp(t, l.address).close()
	}
	work.Wait()
	l.finish()
	ends := map[any]int{}
	for _, e := range l.events.all() {
		if e.name == "response" {
			ends[e.payload["id"]]++
		}
	}
	if len(ends) != clients*requests {
		t.Errorf("%d responses were told, want %d", len(ends), clients*requests)
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("%v was told %d times", id, n)
		}
	}
	checkOrder(t, l.events.all())
}
