package proxy_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
)

// fetch sends a request and reads the answer.
func fetch(client *h2.Conn, head h2.Head, buf []byte) error {
	st, err := client.Open(context.Background(), head)
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := st.ReadHead(context.Background()); err != nil {
		return err
	}
	for {
		if _, err := st.Read(buf); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// BenchmarkHTTP2Download has a large answer pass, captured only in part.
func BenchmarkHTTP2Download(b *testing.B) {
	const size = 64 << 20
	piece := make([]byte, 64<<10)
	client, addr, _ := setupEngine(b, proxy.Options{Observer: ignore{}, MaxBody: 1 << 20}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		for sent := 0; sent < size; sent += len(piece) {
			if _, err := st.Write(piece); err != nil {
				return
			}
		}
		_ = st.CloseWrite(nil)
	})
	buf := make([]byte, 256<<10)
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		if err := fetch(client, get2(addr, "/"), buf); err != nil {
			b.Fatal(err)
		}
	}
}
