//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"net"
)

// serveTLSOrigin is serveOrigin behind TLS: a goroutine a connection, for
// crypto/tls wants blocking reads, with one buffer each.
func serveTLSOrigin(o helperOptions) error {
	cert, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return err
	}
	answer := itemAnswer()
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	return o.serve(func(c net.Conn) { answerTLS(tls.Server(c, config), answer) })
}

func answerTLS(c net.Conn, answer []byte) {
	defer c.Close()
	buf := make([]byte, 16<<10)
	n := 0
	for n < len(buf) {
		m, err := c.Read(buf[n:])
		if err != nil {
			return
		}
		n += m
		for {
			end := bytes.Index(buf[:n], headEnd)
			if end < 0 {
				break
			}
			n = copy(buf, buf[end+len(headEnd):n])
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}
}
