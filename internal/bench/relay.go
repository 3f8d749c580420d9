//go:build linux

package main

import (
	"io"
	"net"
)

// serveRelay passes bytes between its clients and one address, read and
// written through a buffer: what a program has to spend on looking at bytes
// without understanding them.
func serveRelay(o helperOptions) error {
	return o.serve(func(c *net.TCPConn) {
		relay(c, o.to, func(dst, src *net.TCPConn) error {
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
	return o.serve(func(c *net.TCPConn) {
		relay(c, o.to, func(dst, src *net.TCPConn) error {
			_, err := io.Copy(dst, src)
			return err
		})
	})
}

// relay copies both ways until each side has ended, and closes both.
func relay(client *net.TCPConn, to string, copy func(dst, src *net.TCPConn) error) {
	defer client.Close()
	c, err := net.Dial("tcp", to)
	if err != nil {
		return // the client sees the connection close
	}
	server := c.(*net.TCPConn)
	defer server.Close()
	up := make(chan struct{})
	go func() {
		defer close(up)
		if copy(server, client) != nil {
			server.Close()
			return
		}
		_ = server.CloseWrite()
	}()
	if copy(client, server) != nil {
		client.Close()
	}
	_ = client.CloseWrite()
	<-up
}
