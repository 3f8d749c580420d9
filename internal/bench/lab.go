//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// A lab has what all rows share: a folder that is removed at the end, the
// programs to start, certificates, and where progress is told.
type lab struct {
	dir   string
	self  string // this program, for the helpers
	necto string // the program built from the working tree
	certs certFiles
	roots *x509.CertPool
	out   io.Writer
	files int // files named so far
}

// newLab builds necto from the module two folders up and makes certificates.
func newLab(ctx context.Context, out io.Writer) (_ *lab, err error) {
	l := &lab{out: out}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "necto-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.certs, err = makeCerts(l.dir); err != nil {
		return nil, err
	}
	if l.roots, err = loadRoots(l.certs.ca); err != nil {
		return nil, err
	}
	l.necto = filepath.Join(l.dir, "necto")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.necto, "./cmd/necto")
	build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0") // as make build does
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build necto (run this in internal/bench): %w\n%s", err, text)
	}
	return l, nil
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

// file returns a new name in the lab's folder that ends with suffix.
func (l *lab) file(suffix string) string {
	l.files++
	return filepath.Join(l.dir, strconv.Itoa(l.files)+"-"+suffix)
}

// discard removes a recording early, for all recordings of a run together are
// large.
func (l *lab) discard(recording string) {
	if err := errors.Join(os.RemoveAll(recording), os.RemoveAll(recording+".bodies")); err != nil {
		fmt.Fprintf(l.out, "remove %s: %v\n", recording, err)
	}
}

// helper starts this program as one of its helpers, in front of origin if
// that is not nil.
func (l *lab) helper(ctx context.Context, name string, origin *process) (*process, error) {
	file := l.file("ready")
	args := []string{l.self, name, "-ready-file", file}
	if origin != nil {
		args = append(args, "-to", origin.addr())
	}
	switch name {
	case "origin-tls", "origin-h2":
		args = append(args, "-cert", l.certs.origin, "-key", l.certs.originKey)
	case "reverse-h2":
		args = append(args, "-cert", l.certs.origin, "-key", l.certs.originKey, "-roots", l.certs.ca)
	case "goproxy", "goproxy-h2":
		args = append(args, "-cert", l.certs.ca, "-key", l.certs.caKey, "-roots", l.certs.ca)
	}
	return startProcess(ctx, readyFile(file), args...)
}

// startNecto starts a necto command that listens.
func (l *lab) startNecto(ctx context.Context, args ...string) (*process, error) {
	file := l.file("ready")
	argv := append([]string{l.necto}, args...)
	argv = append(argv, "--listen", "127.0.0.1:0", "--ready-file", file, "--ca-dir", filepath.Join(l.dir, "ca"))
	return startProcess(ctx, readyFile(file), argv...)
}

// tlsConfig is the client side's: it trusts the lab's CA, or that of p if p
// opens TLS with a CA of its own. Certificates are verified for every server.
func (l *lab) tlsConfig(p *process) (*tls.Config, error) {
	roots := l.roots
	if p.CA != "" {
		var err error
		if roots, err = loadRoots(p.CA); err != nil {
			return nil, err
		}
	}
	return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}}, nil
}
