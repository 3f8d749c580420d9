package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// answers is the observer of docs/mockttp.md.
type answers struct{}

// Observe prints what was answered.
func (answers) Observe(e traffic.Event) {
	if done, ok := e.(traffic.ExchangeDone); ok {
		fmt.Println(done.Request.Method, done.Request.URL.Target, done.Response.Status)
	}
}

// Events are a Go API: whoever wants to know what happens observes.
func Example_observer() {
	origin := nectest.StartOrigin()
	defer origin.Close()

	p := proxy.New(proxy.Options{Observer: answers{}, Network: &proxy.Network{}})
	ctx, cancel := context.WithCancel(context.Background())
	addr, err := p.Listen(ctx, proxy.Listener{Addr: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	ran := make(chan error)
	go func() { ran <- p.Run(ctx) }()

	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr.String()})}
	client := &http.Client{Transport: transport}
	resp, err := client.Get(origin.URL + "/json")
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	transport.CloseIdleConnections()
	cancel()
	if err := <-ran; err != nil {
		panic(err)
	}
	// Output: GET /json 200
}
