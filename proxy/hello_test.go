package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"testing"
)

// helloOf returns the bytes that a client of crypto/tls begins with.
func helloOf(t testing.TB, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		// The handshake fails when the pipe is closed.
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).HandshakeContext(t.Context())
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

// TestParseSNI cuts a hello at each byte.
func TestParseSNI(t *testing.T) {
	hello := helloOf(t, "a.example")
	for n := range hello {
		if name, whole := parseSNI(t.Context(), hello[:n]); whole || name != "" {
			t.Fatalf("the first %d bytes: %q, whole: %v", n, name, whole)
		}
	}
	for _, rest := range []string{"", "\x14\x03\x03\x00\x01\x01"} {
		if name, whole := parseSNI(t.Context(), append(slices.Clip(hello), rest...)); !whole || name != "a.example" {
			t.Errorf("with %q behind it: %q, whole: %v", rest, name, whole)
		}
	}
}

// FuzzParseSNI holds that nothing a client begins a tunnel with is too much for
// what looks at it, and that more bytes do not change a name that was found.
func FuzzParseSNI(f *testing.F) {
	f.Add(helloOf(f, "a.example"))
	f.Add([]byte("\x16\x03\x01\x00\x05hello"))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Add([]byte("PRI * HTTP/2.0\r\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		name, whole := parseSNI(t.Context(), p)
		if !whole && name != "" {
			t.Errorf("the name %q of half a hello", name)
		}
		if again, _ := parseSNI(t.Context(), append(slices.Clip(p), 0)); whole && name != "" && again != name {
			t.Errorf("%q, with more behind it %q", name, again)
		}
		if kind := classify(p); len(p) > maxMethod && kind == insideUnknown {
			t.Errorf("undecided after %q", p)
		}
	})
}
