package record

import (
	"bytes"
	"testing"
	"time"
)

// FuzzParseConnections holds that what was read of lines without an exchange, and
// written, is read and written the same again.
func FuzzParseConnections(f *testing.F) {
	f.Add([]byte(`{"type":"tls","seq":11,"conn":6,"at":"2026-11-20T23:44:10.000000Z","us":7000000,"client":"127.0.0.1:50340","failure":"cert-rejected","sni":"a","alpn":["h2"],"ja3":"3","ja4":"4","target":"a:1","tags":["t"]}`))
	f.Add([]byte(`{"type":"tunnel","seq":12,"conn":7,"at":"2026-11-20T23:44:11.000000Z","us":8000000,"client":"127.0.0.1:50350","target":"a:443","bytesUp":1,"bytesDown":-2,"error":{"kind":"reset","side":"client","text":"gone"},"ms":350.2}`))
	again := func(t *testing.T, line []byte, write func(*encoder, []byte) ([]byte, time.Time, error)) {
		t.Helper()
		for i := range 2 {
			enc := newEncoder("", Options{Redaction: "off"})
			out, at, err := write(&enc, line)
			switch year := at.Year(); {
			case i == 0 && (err != nil || year < 1 || year > 9999):
				return
			case err != nil || i == 1 && !bytes.Equal(out, line):
				t.Errorf("%v:\n%s became\n%s", err, line, out)
			}
			line = out
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		again(t, line, func(enc *encoder, line []byte) ([]byte, time.Time, error) {
			failed, err := ParseTLSFailed(line)
			enc.start = failed.Time
			return enc.appendTLSFailed(nil, failed), failed.Time, err
		})
		again(t, line, func(enc *encoder, line []byte) ([]byte, time.Time, error) {
			tunnel, err := ParseTunnel(line)
			enc.start = tunnel.Started
			return enc.appendTunnel(nil, tunnel), tunnel.Started, err
		})
	})
}
