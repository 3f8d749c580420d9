//go:build linux

package main

import "bytes"

// serveOrigin answers every request head with the same bytes.
func serveOrigin(o helperOptions) error {
	answer := itemAnswer()
	return serveLoop(o, func(c *originConn, b []byte) ([]byte, error) {
		for len(b) > 0 {
			end := bytes.Index(b, headEnd)
			if end < 0 {
				break
			}
			b = b[end+len(headEnd):]
			if err := writeNow(c.fd, answer); err != nil {
				return nil, err
			}
		}
		return b, nil
	})
}
