//go:build linux

package main

import (
	"context"
	"io"
	"net"
)

// serveRelay passes bytes between its clients and one address, read and
// written through a buffer: what a program has to spend on looking at bytes
// without understanding them.
func serveRelay(o helperOptions) error {
	return o.serve(func(c net.Conn) {
		relay(c, o.to, func(dst, src net.Conn) error {
			// The wrappers hide ReadFrom and WriteTo, which would splice.
			_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 32<<10))
			return err
		})
	})
}

// serveSpliceRelay is io.Copy between two sockets. On Linux that is splice(2):
// the bytes never leave the kernel, which is the most a bulk transfer can be
// compared with.
func serveSpliceRelay(o helperOptions) error {
	return o.serve(func(c net.Conn) {
		relay(c, o.to, func(dst, src net.Conn) error {
			_, err := io.Copy(dst, src)
			return err
		})
	})
}

// relay copies both ways until each side has ended, and closes both.
func relay(client net.Conn, to string, copy func(dst, src net.Conn) error) {
	defer client.Close()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", to)
	if err != nil {
		return // the client sees the connection close
	}
	defer server.Close()
	up := make(chan struct{})
	go func() {
		defer close(up)
		if copy(server, client) != nil {
			server.Close()
			return
		}
		closeWrite(server)
	}()
	if copy(client, server) != nil {
		client.Close()
	}
	closeWrite(client)
	<-up
}

// closeWrite passes on that one side has ended. A connection that is gone
// already needs no telling.
func closeWrite(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}
