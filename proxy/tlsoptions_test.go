package proxy_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestMinTLS has clients and origins of each age.
func TestMinTLS(t *testing.T) {
	const refused, failed = "refused", "failed" // the client's handshake, the origin's
	for name, c := range map[string]struct {
		minimum        uint16
		client, origin uint16 // the only version they speak
		want           string // the client's, if there is an answer
	}{
		"default":                  {0, tls.VersionTLS12, tls.VersionTLS12, "1.2"},
		"default, old client":      {0, tls.VersionTLS11, tls.VersionTLS12, refused},
		"default, old origin":      {0, tls.VersionTLS13, tls.VersionTLS11, failed},
		"1.0":                      {tls.VersionTLS10, tls.VersionTLS10, tls.VersionTLS10, "1.0"},
		"1.0, client that is new":  {tls.VersionTLS10, tls.VersionTLS13, tls.VersionTLS10, "1.3"},
		"1.1":                      {tls.VersionTLS11, tls.VersionTLS11, tls.VersionTLS13, "1.1"},
		"1.1, client that is 1.0":  {tls.VersionTLS11, tls.VersionTLS10, tls.VersionTLS13, refused},
		"1.3":                      {tls.VersionTLS13, tls.VersionTLS13, tls.VersionTLS13, "1.3"},
		"1.3, client that is 1.2":  {tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13, refused},
		"1.3, origin that is 1.2":  {tls.VersionTLS13, tls.VersionTLS13, tls.VersionTLS12, failed},
		"1.0, ciphers of that day": {tls.VersionTLS10, tls.VersionTLS10, tls.VersionTLS13, "1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, pool := secureServerWith(t, func(config *tls.Config) {
				config.MinVersion, config.MaxVersion = c.origin, c.origin
			}, answerAll(ok))
			p, config := intercepting(t, proxy.Options{MinTLS: c.minimum, Network: &proxy.Network{RootCAs: pool, MinTLS: c.minimum}})
			config = withName(config, "127.0.0.1")
			config.MinVersion, config.MaxVersion = c.client, c.client
			if strings.Contains(name, "ciphers") {
				config.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
			}
			raw := tunnel(t, p, origin.Addr, "")
			if c.want == refused {
				_ = tls.Client(raw.Conn, config).HandshakeContext(t.Context())
				if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != "no-shared-version" {
					t.Errorf("event %+v", e)
				}
				return
			}
			client := raw.StartTLS(config)
			client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			got := client.ReadAll()
			x := p.WaitExchanges(t, 1)[0]
			switch {
			case c.want == failed:
				if !strings.HasPrefix(got, "HTTP/1.1 502 ") || x.Failure == nil || x.Failure.Kind != traffic.FailTLS {
					t.Errorf("received %q, failure %+v", got, x.Failure)
				}
			case got != ok || x.TLS.Version != c.want:
				t.Errorf("received %q in TLS %s", got, x.TLS.Version)
			}
		})
	}
}

// sortedLines returns the lines of a text.
func sortedLines(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}

// TestKeyLog compares what is written for clients and origins with what those write
// themselves.
func TestKeyLog(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var theirs, ours [2]nectest.Buffer // of the client, and of the origin
			origin, pool := secureServerWith(t, func(config *tls.Config) {
				config.MaxVersion, config.KeyLogWriter = version, &theirs[1]
			}, answerAll(ok))
			p, config := intercepting(t, proxy.Options{KeyLog: &ours[0], Network: &proxy.Network{RootCAs: pool, KeyLog: &ours[1]}})
			config = withName(config, "127.0.0.1")
			config.MaxVersion, config.KeyLogWriter = version, &theirs[0]
			client := tunnel(t, p, origin.Addr, "").StartTLS(config)
			client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			client.ReadN(len(ok))
			for i, side := range []string{"client", "origin"} {
				want, got := sortedLines(theirs[i].String()), sortedLines(ours[i].String())
				if diff := cmp.Diff(want, got); diff != "" || len(got[0]) < 100 {
					t.Errorf("the %s's secrets (-want +got):\n%s", side, diff)
				}
			}
		})
	}
}
