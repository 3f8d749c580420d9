//go:build linux

package main

import "context"

// A plainLoad repeats one request over HTTP/1.1 on all connections.
type plainLoad struct {
	request []byte
	body    []byte
}

func (l plainLoad) open(_ context.Context, addr string) (session, error) {
	// One checker does for all connections, which have answers of the same head.
	asked := &plainDialogue{checker: checker{body: l.body}, request: l.request}
	return openSession(addr, func(int) dialogue { return asked })
}

type plainDialogue struct {
	checker
	request []byte
}

func (d *plainDialogue) next() []byte { return d.request }
