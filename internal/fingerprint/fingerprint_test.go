package fingerprint

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// openSSLHello is the record with which OpenSSL asked for TLS 1.3 alone, for
// distrust.test, with h2 and http/1.1.
const openSSLHello = "16030101040100010003032e6e8a865499fa02534ac45de9f51dfdf045d5cbe50a1e9f7699fdf321655d7f203f262d9d5173831247e2379fe972fa85eed5629c4b5022abc35ab9551135729a" +
	"000813021303130100ff010000af00000012001000000d64697374727573742e74657374000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c" +
	"02683208687474702f312e310016000000170000000d001e001c040305030603080708080809080a080b080408050806040105010601002b0003020304002d00020101003300260024001d0020" +
	"d7b78ca5d7b4593b3894ce13854f1007ca19ba2d0a6e23d11bbbe9f542384501"

// parse has crypto/tls read a hello.
func parse(t testing.TB, record []byte) *tls.ClientHelloInfo {
	t.Helper()
	var hello *tls.ClientHelloInfo
	stop := errors.New("read")
	err := tls.Server(&onlyReads{Reader: bytes.NewReader(record)}, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			hello = h
			return nil, stop
		},
	}).HandshakeContext(t.Context())
	if !errors.Is(err, stop) {
		t.Fatalf("the hello was not read: %v", err)
	}
	return hello
}

// onlyReads is a connection whose peer has said all it will.
type onlyReads struct {
	net.Conn
	*bytes.Reader
}

func (c *onlyReads) Read(p []byte) (int, error)       { return c.Reader.Read(p) }
func (c *onlyReads) Write(p []byte) (int, error)      { return len(p), nil }
func (c *onlyReads) Close() error                     { return nil }
func (c *onlyReads) SetDeadline(time.Time) error      { return nil }
func (c *onlyReads) SetReadDeadline(time.Time) error  { return nil }
func (c *onlyReads) SetWriteDeadline(time.Time) error { return nil }

func TestOpenSSLHello(t *testing.T) {
	record, err := hex.DecodeString(openSSLHello)
	if err != nil {
		t.Fatal(err)
	}
	hello := parse(t, record)
	text := "771,4866-4867-4865-255,0-11-10-35-16-22-23-13-43-45-51,29-23-30-25-24-256-257-258-259-260,0-1-2"
	if got := string(appendJA3(nil, hello)); got != text {
		t.Errorf("JA3 is of %s, want %s", got, text)
	}
	if got, want := JA3(hello), "9dffdb8b608a430b774a2ff7d36c1a0c"; got != want {
		t.Errorf("JA3 %s, want %s", got, want)
	}
	if got, want := JA4(hello), "t13d0411h2_16476d049b0b_78f1d400d464"; got != want {
		t.Errorf("JA4 %s, want %s", got, want)
	}
}

// chrome is the hello in the specification of JA4, without GREASE.
func chrome() *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		CipherSuites: []uint16{
			0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
		},
		Extensions: []uint16{
			0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
		},
		SignatureSchemes:  []tls.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SupportedProtos:   []string{"h2", "http/1.1"},
		SupportedCurves:   []tls.CurveID{29, 23, 24},
		SupportedPoints:   []uint8{0},
	}
}

func TestJA4(t *testing.T) {
	many := make([]uint16, 120)
	for i := range many {
		many[i] = 0x4000 + uint16(i)
	}
	without := func(list []uint16, v ...uint16) []uint16 {
		return slices.DeleteFunc(list, func(e uint16) bool { return slices.Contains(v, e) })
	}
	for name, c := range map[string]struct {
		edit func(*tls.ClientHelloInfo)
		want string
	}{
		"published": {func(*tls.ClientHelloInfo) {}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"shuffled": {func(h *tls.ClientHelloInfo) {
			slices.Reverse(h.Extensions)
			slices.Reverse(h.CipherSuites)
		}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"GREASE": {func(h *tls.ClientHelloInfo) {
			h.CipherSuites = slices.Insert(h.CipherSuites, 0, 0x1a1a)
			h.Extensions = append(h.Extensions, 0x0a0a, 0xfafa)
			h.SignatureSchemes = append(h.SignatureSchemes, 0x2a2a)
			h.SupportedVersions = slices.Insert(h.SupportedVersions, 0, 0x7a7a)
		}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		"not quite GREASE":        {func(h *tls.ClientHelloInfo) { h.Extensions = append(h.Extensions, 0x1a2a) }, "t13d1517h2_8daaf6152771_8a659539d67d"},
		"no signature algorithms": {func(h *tls.ClientHelloInfo) { h.SignatureSchemes = nil }, "t13d1516h2_8daaf6152771_6d807ffa2a79"},
		"PSK":                     {func(h *tls.ClientHelloInfo) { h.Extensions = append(h.Extensions, 0x0029) }, "t13d1517h2_8daaf6152771_6cdcb247c39b"},
		"no server name":          {func(h *tls.ClientHelloInfo) { h.Extensions = without(h.Extensions, extServerName) }, "t13i1515h2_8daaf6152771_e5627efa2ab1"},
		"no ALPN": {func(h *tls.ClientHelloInfo) {
			h.Extensions, h.SupportedProtos = without(h.Extensions, extALPN), nil
		}, "t13d151500_8daaf6152771_e5627efa2ab1"},
		"more than 99": {func(h *tls.ClientHelloInfo) { h.CipherSuites = many }, "t13d9916h2_ac67520420c7_e5627efa2ab1"},
		"no ciphers":   {func(h *tls.ClientHelloInfo) { h.CipherSuites = []uint16{0x0a0a} }, "t13d0016h2_000000000000_e5627efa2ab1"},
		"no extensions": {func(h *tls.ClientHelloInfo) {
			h.Extensions, h.SupportedProtos, h.SignatureSchemes = nil, nil, nil
			h.SupportedVersions = []uint16{tls.VersionTLS11, tls.VersionTLS10}
		}, "t11i150000_8daaf6152771_000000000000"},
		"only server name and ALPN": {func(h *tls.ClientHelloInfo) {
			h.Extensions, h.SignatureSchemes = []uint16{extServerName, extALPN}, nil
			h.SupportedVersions = []uint16{tls.VersionTLS10}
		}, "t10d1502h2_8daaf6152771_000000000000"},
		"SSL 3.0": {func(h *tls.ClientHelloInfo) {
			h.Extensions, h.SupportedProtos, h.SignatureSchemes, h.SupportedVersions = nil, nil, nil, nil
		}, "ts3i150000_8daaf6152771_000000000000"},
		"only unknown versions": {func(h *tls.ClientHelloInfo) { h.SupportedVersions = []uint16{0x0a0a, 0x7f1c} }, "t00d1516h2_8daaf6152771_e5627efa2ab1"},
	} {
		t.Run(name, func(t *testing.T) {
			hello := chrome()
			c.edit(hello)
			if got := JA4(hello); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestALPNOfJA4 has the examples of the specification.
func TestALPNOfJA4(t *testing.T) {
	for protocol, want := range map[string]string{
		"": "00", "h2": "h2", "http/1.1": "h1", "dot": "dt", "h": "hh",
		"\xab": "ab", "\xab\xcd": "ad", "0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01", " h": "28",
	} {
		if got := string(appendALPN(nil, []string{protocol, "other"})); got != want {
			t.Errorf("%q: %s, want %s", protocol, got, want)
		}
	}
}

func TestJA3Text(t *testing.T) {
	for name, c := range map[string]struct {
		hello tls.ClientHelloInfo
		want  string
	}{
		"GREASE": {tls.ClientHelloInfo{
			CipherSuites: []uint16{0x0a0a, 0x1301}, Extensions: []uint16{0x1a1a, 43, 0, 0x2a2a}, SupportedCurves: []tls.CurveID{0x3a3a, 29},
			SupportedPoints: []uint8{0}, SupportedVersions: []uint16{tls.VersionTLS13},
		}, "771,4865,43-0,29,0"},
		"TLS 1.0 without groups": {tls.ClientHelloInfo{
			CipherSuites: []uint16{47, 53}, Extensions: []uint16{0}, SupportedVersions: []uint16{tls.VersionTLS10},
		}, "769,47-53,0,,"},
		"SSL 3.0": {tls.ClientHelloInfo{CipherSuites: []uint16{4}}, "768,4,,,"},
	} {
		if got := string(appendJA3(nil, &c.hello)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestJA3 has the examples published with JA3.
func TestJA3(t *testing.T) {
	for want, hello := range map[string]tls.ClientHelloInfo{
		"ada70206e40642a3e4461f35503241d5": {
			CipherSuites: []uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, Extensions: []uint16{0, 10, 11},
			SupportedCurves: []tls.CurveID{23, 24, 25}, SupportedPoints: []uint8{0}, SupportedVersions: []uint16{tls.VersionTLS10},
		},
		"de350869b8c85de67a350c8d186f11e6": {
			CipherSuites: []uint16{4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, SupportedVersions: []uint16{tls.VersionTLS10},
		},
	} {
		if got := JA3(&hello); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRealHellos reads hellos of crypto/tls, version by version.
func TestRealHellos(t *testing.T) {
	for version, want := range map[uint16]string{
		tls.VersionTLS10: "t10d", tls.VersionTLS11: "t11d", tls.VersionTLS12: "t12d", tls.VersionTLS13: "t13d",
	} {
		ours, theirs := net.Pipe()
		go func() {
			// The handshake fails when the pipe is closed.
			_ = tls.Client(theirs, &tls.Config{ServerName: "a.test", MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: []string{"h2"}}).HandshakeContext(t.Context())
			theirs.Close()
		}()
		header := make([]byte, 5)
		if _, err := io.ReadFull(ours, header); err != nil {
			t.Fatal(err)
		}
		record := append(header, make([]byte, int(header[3])<<8|int(header[4]))...)
		if _, err := io.ReadFull(ours, record[5:]); err != nil {
			t.Fatal(err)
		}
		ours.Close()
		hello := parse(t, record)
		if got := JA4(hello); !strings.HasPrefix(got, want) || !strings.HasPrefix(got[8:], "h2_") || len(got) != 36 {
			t.Errorf("%s: JA4 %s", tls.VersionName(version), got)
		}
		if got := JA3(hello); len(got) != 32 {
			t.Errorf("%s: JA3 %s", tls.VersionName(version), got)
		}
	}
}

func BenchmarkBoth(b *testing.B) {
	hello := chrome()
	b.ReportAllocs()
	for b.Loop() {
		if JA3(hello) == JA4(hello) {
			b.Fatal("they differ")
		}
	}
}
