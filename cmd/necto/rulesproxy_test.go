package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/rules"
)

// TestARuleThatLeadsToNectoItself is answered with the name of the rule; other
// traffic goes on.
func TestARuleThatLeadsToNectoItself(t *testing.T) {
	store := rules.NewStore(nil)
	engine := rules.NewEngine(store, nil)
	p := proxy.New(proxy.Options{Layers: []proxy.Layer{engine.Layer}, Network: &proxy.Network{}})
	addr := listenWS(t, p, nil)
	set, err := rules.Parse("rules.yaml", fmt.Appendf(nil, `
version: 1
rules:
  - {name: mocked, match: {path: /mocked}, mock: {body: fine}}
  - {name: home, map_remote: {url: "http://%s"}}
`, addr))
	if err != nil {
		t.Fatal(err)
	}
	store.Replace(set)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	client, err := fetchClient("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":       `502 necto: rule "home" (rules.yaml:5:5) sends the request to necto itself: `,
		"/mocked": "200 fine",
	} {
		resp, err := client.Get("http://a.example.test" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := fmt.Sprint(resp.StatusCode, " ", string(body)); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
