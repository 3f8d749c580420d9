//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nginxConfig serves one file as nginx does best: sendfile, no access log, a
// worker for each processor, connections kept for ever.
const nginxConfig = `daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr warn;
%s
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  default_type application/json;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen %s;
    location / { root %s; }
  }
}
`

// startNginx serves the item's body from a file at the item's path.
func startNginx(ctx context.Context, l *lab, origin *process) (*contender, error) {
	program, err := l.findNginx(ctx)
	if err != nil {
		return nil, err
	}
	dir := l.file("nginx")
	path, _, _ := strings.Cut(itemPath, "?")
	item := filepath.Join(dir, "root", path)
	if err := os.MkdirAll(filepath.Dir(item), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(item, itemBody(), 0o600); err != nil {
		return nil, err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root root;" // else the workers may not read the lab's folder
	}
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, user, addr, filepath.Join(dir, "root"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, accepts(ctx, addr), program, "-p", dir, "-e", "stderr", "-c", config)
	if err != nil {
		return nil, err
	}
	return contend(l, origin, p, loadItems)
}

// accepts probes for a server that does not write a ready file.
func accepts(ctx context.Context, addr string) probe {
	return func() (ready, error) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return ready{}, err
		}
		return ready{Proxy: "http://" + addr}, c.Close()
	}
}

// freeAddr returns a loopback address that was free a moment ago: nginx
// cannot say which port it was given.
func freeAddr(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// findNginx returns the program to run: the one installed, or the one from the
// distribution's package, unpacked into the lab's folder. The package is not
// installed, because that would start a server on port 80.
func (l *lab) findNginx(ctx context.Context) (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	fmt.Fprintln(l.out, "nginx is not installed: unpacking its Debian package")
	dir := l.file("nginx-package")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	const unpack = "apt-get download nginx && dpkg-deb -x nginx_*.deb . && ./usr/sbin/nginx -v"
	cmd := exec.CommandContext(ctx, "sh", "-c", unpack)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("nginx: %w: %w: %s", errUnavailable, err, bytes.TrimSpace(text))
	}
	return filepath.Join(dir, "usr", "sbin", "nginx"), nil
}
