//go:build linux

package main

import "bytes"

// serveEcho opens a WebSocket connection for every request head, and sends
// every frame back without its mask.
func serveEcho(o helperOptions) error {
	var out []byte
	return serveLoop(o, func(c *originConn, b []byte) (rest []byte, err error) {
		out, rest, err = appendEchoes(out[:0], c, b)
		if err == nil && len(out) > 0 {
			err = writeNow(c.fd, out)
		}
		return rest, err
	})
}

// appendEchoes appends the answers to what is whole in b, and returns what is
// not.
func appendEchoes(dst []byte, c *originConn, b []byte) (appended, rest []byte, err error) {
	if !c.opened {
		end := bytes.Index(b, headEnd)
		if end < 0 {
			return dst, b, nil
		}
		c.opened = true
		dst, b = append(dst, chatAnswer...), b[end+len(headEnd):]
	}
	for len(b) > 0 {
		var n int
		if dst, n, err = appendUnmasked(dst, b); n == 0 || err != nil {
			break
		}
		b = b[n:]
	}
	return dst, b, err
}
