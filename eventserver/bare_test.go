package eventserver

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
)

// bareConn is a WebSocket of which a test writes the bytes itself.
type bareConn struct {
	net.Conn
	t testing.TB
}

// bareSocket opens the WebSocket of the server and reads the handshake of
// Engine.IO.
func bareSocket(t testing.TB, address string) *bareConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &bareConn{conn, t}
	c.write([]byte("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))
	c.expect(`"sid"`)
	return c
}

// textFrame returns a text frame whose mask is zero.
func textFrame(text string) []byte {
	head := wsframe.AppendHeader(nil, wsframe.Header{Fin: true, Opcode: wsframe.OpText, Masked: true, Length: int64(len(text))})
	return append(head, text...)
}

// write sends everything in one piece.
func (c *bareConn) write(data ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(bytes.Join(data, nil)); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads until text has come.
func (c *bareConn) expect(text string) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	var all []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(all, []byte(text)) {
		n, err := c.Read(buf)
		if err != nil && (err != io.EOF || n == 0) {
			c.t.Fatalf("%v after %q, want %q", err, all, text)
		}
		all = append(all, buf[:n]...)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		c.t.Fatal(err)
	}
}
