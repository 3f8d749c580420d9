//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
)

// helpers are the servers that this program is itself when started with one
// of these words: each is measured, or helps to measure, as its own process.
var helpers = map[string]func(helperOptions) error{
	"origin":       serveOrigin,
	"origin-echo":  serveEcho,
	"origin-tls":   serveTLSOrigin,
	"origin-h2":    serveH2Origin,
	"origin-bulk":  serveBulkOrigin,
	"relay":        serveRelay,
	"splice-relay": serveSpliceRelay,
	"reverseproxy": serveReverseProxy,
	"reverse-h2":   serveReverseH2,
	"goproxy":      serveGoproxy,
	"goproxy-h2":   serveGoproxyH2,
	"events":       serveEvents,
}

// helperOptions are the options of all helpers; each uses some.
type helperOptions struct {
	ready string // file to write once the helper listens
	to    string // host:port behind a relay or proxy
	cert  string // certificate file, of the origin or of a CA
	key   string // its key file
	roots string // file of the roots to trust
}

func runHelper(name string, args []string) error {
	var o helperOptions
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&o.ready, "ready-file", "", "write this `file` once listening")
	flags.StringVar(&o.to, "to", "", "`address` of the origin")
	flags.StringVar(&o.cert, "cert", "", "certificate `file`")
	flags.StringVar(&o.key, "key", "", "key `file`")
	flags.StringVar(&o.roots, "roots", "", "`file` of trusted roots")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return helpers[name](o)
}

// announce tells the parent that the helper listens on addr.
func (o helperOptions) announce(addr string) error {
	return writeReady(o.ready, ready{PID: os.Getpid(), Proxy: "http://" + addr})
}

// listen opens a free loopback port and announces it.
func (o helperOptions) listen() (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := o.announce(ln.Addr().String()); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// serve hands each connection to handle, in a goroutine of its own.
func (o helperOptions) serve(handle func(net.Conn)) error {
	ln, err := o.listen()
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go handle(c)
	}
}
