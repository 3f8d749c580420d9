package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"
)

// helloOf returns the bytes that a client of crypto/tls begins with.
func helloOf(t testing.TB, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		// The handshake fails when the pipe is closed.
		_ = tls.Client(client, &tls.Config{ServerName: name, NextProtos: []string{"h2"}, InsecureSkipVerify: true}).HandshakeContext(t.Context())
		client.Close()
	}()
	defer server.Close()
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		t.Fatal(err)
	}
	record := make([]byte, int(header[3])<<8|int(header[4]))
	if _, err := io.ReadFull(server, record); err != nil {
		t.Fatal(err)
	}
	return append(header, record...)
}

// TestParseHello cuts a hello at each byte.
func TestParseHello(t *testing.T) {
	hello := helloOf(t, "a.example")
	for n := range hello {
		if got, whole := parseHello(t.Context(), hello[:n]); whole || got.ja4 != "" {
			t.Fatalf("the first %d bytes: %+v, whole: %v", n, got, whole)
		}
	}
	for _, rest := range []string{"", "\x14\x03\x03\x00\x01\x01"} {
		got, whole := parseHello(t.Context(), append(slices.Clip(hello), rest...))
		if !whole || got.sni != "a.example" || !slices.Equal(got.offered, []string{"h2"}) || len(got.ja3) != 32 || len(got.ja4) != 36 {
			t.Errorf("with %q behind it: %+v, whole: %v", rest, got, whole)
		}
	}
}

// FuzzParseHello holds that nothing a client begins a tunnel with is too much for
// what looks at it, and that more bytes do not change a hello that was found.
func FuzzParseHello(f *testing.F) {
	f.Add(helloOf(f, "a.example"))
	f.Add([]byte("\x16\x03\x01\x00\x05hello"))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Add([]byte("PRI * HTTP/2.0\r\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		got, whole := parseHello(t.Context(), p)
		if !whole && got.ja4 != "" {
			t.Errorf("half a hello is %+v", got)
		}
		if again, _ := parseHello(t.Context(), append(slices.Clip(p), 0)); whole && got.ja4 != "" && !reflect.DeepEqual(again, got) {
			t.Errorf("%+v, with more behind it %+v", got, again)
		}
		if kind := classify(p); len(p) > maxMethod && kind == insideUnknown {
			t.Errorf("undecided after %q", p)
		}
	})
}

func BenchmarkParseHello(b *testing.B) {
	hello := helloOf(b, "a.example")
	b.ReportAllocs()
	for b.Loop() {
		if _, whole := parseHello(b.Context(), hello); !whole {
			b.Fatal("half a hello")
		}
	}
}
