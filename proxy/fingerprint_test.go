package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestHelloIsTold has the same client let in, turned away, and passed through.
func TestHelloIsTold(t *testing.T) {
	origin, pool := secureOrigin(t, ok)
	network := &proxy.Network{RootCAs: pool, Resolve: map[string]string{nectest.OriginHost + ":443": origin.Addr}}
	const target = nectest.OriginHost + ":443"
	shake := func(p *running, config *tls.Config) {
		config = withName(config, nectest.OriginHost)
		config.NextProtos = []string{"http/1.1", "odd"}
		client := tls.Client(tunnel(t, p, target, ""), config)
		if err := client.HandshakeContext(t.Context()); err == nil {
			fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		}
		client.Close()
	}
	opened, config := intercepting(t, proxy.Options{Network: network})
	shake(opened, config)
	info := opened.WaitExchanges(t, 1)[0].TLS
	if !strings.HasPrefix(info.JA4, "t13d") || len(info.JA3) != 32 || !slices.Equal(info.Offered, []string{"http/1.1", "odd"}) {
		t.Errorf("the exchange has %+v", info)
	}

	shake(opened, &tls.Config{RootCAs: pool})
	failed := waitEvent[traffic.TLSFailed](t, opened)
	if failed.JA3 != info.JA3 || failed.JA4 != info.JA4 || !slices.Equal(failed.ALPN, info.Offered) || failed.Target != target {
		t.Errorf("the failure is %+v", failed)
	}
	if s := failed.Steps; s.Accepted.IsZero() || s.Tunnel.Before(s.Accepted) || !s.Handshake.IsZero() || failed.Time.Before(s.Tunnel) {
		t.Errorf("the steps of the failure are %+v", s)
	}

	passed, _ := intercepting(t, proxy.Options{Network: network, Passthrough: []string{nectest.OriginHost}})
	shake(passed, &tls.Config{RootCAs: pool})
	through := waitEvent[traffic.TunnelOpened](t, passed)
	if through.JA3 != info.JA3 || through.JA4 != info.JA4 || !slices.Equal(through.Offered, info.Offered) {
		t.Errorf("the tunnel is %+v", through.Tunnel)
	}
	if s := through.Steps; s.Accepted.IsZero() || s.Tunnel.Before(s.Accepted) || through.Started.Before(s.Tunnel) {
		t.Errorf("the steps of the tunnel are %+v", s)
	}
}

// TestFingerprintOfCurl holds that JA4 does not change between connections.
func TestFingerprintOfCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed: its fingerprint is not tested")
	}
	p, _ := intercepting(t, proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{Status: 204})}})
	args := []string{"--silent", "--show-error", "--insecure", "--noproxy", "", "--proxy", "http://" + p.addr}
	for i := range fingerprinted {
		args = append(args, fmt.Sprintf("https://host%d.%s/", i, fingerprintedBelow))
	}
	if out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkOneFingerprint(t, p)
}

// TestFingerprintOfChromium does so for one that shuffles its extensions.
func TestFingerprintOfChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: its fingerprint is not tested")
	}
	var page bytes.Buffer
	for i := range fingerprinted {
		fmt.Fprintf(&page, "<img src=https://host%d.%s/>", i, fingerprintedBelow)
	}
	p, _ := intercepting(t, proxy.Options{Layers: []proxy.Layer{layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		return &traffic.Response{
			Status: 200, Header: traffic.Fields{{Name: "Content-Type", Value: "text/html"}},
			Body: traffic.NewMemoryBody(page.Bytes()), Length: int64(page.Len()),
		}, nil
	})}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, chromium, "--headless", "--dump-dom", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--ignore-certificate-errors",
		"--user-data-dir="+nectest.ProfileDir(t), "--proxy-server=http://"+p.addr, "http://page.test/")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkOneFingerprint(t, p)
}

const (
	// fingerprinted is how many connections have to look the same.
	fingerprinted      = 10
	fingerprintedBelow = "fingerprint.test"
)

// checkOneFingerprint holds that all connections to hosts of the test have one JA4.
func checkOneFingerprint(t *testing.T, p *running) {
	t.Helper()
	conns := make(map[traffic.ConnID]string)
	p.Wait(t, func([]traffic.Event) bool {
		for _, x := range p.Exchanges() {
			if x.TLS != nil && strings.HasSuffix(x.TLS.SNI, fingerprintedBelow) {
				conns[x.Conn] = x.TLS.JA4
			}
		}
		return len(conns) >= fingerprinted
	})
	var all []string
	for _, ja4 := range conns {
		all = append(all, ja4)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) != 1 || !strings.HasPrefix(all[0], "t13d") {
		t.Errorf("%d connections have the fingerprints %q", len(conns), all)
	}
}
