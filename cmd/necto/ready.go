package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// readyInfo is what --ready-file and --json tell a script, of what there is.
type readyInfo struct {
	PID int `json:"pid"`
	// Proxy is the URL of the proxy, http://host:port.
	Proxy string `json:"proxy,omitempty"`
	// Maps are the listeners of --map, in the order of the flags.
	Maps []readyMap `json:"maps,omitempty"`
	// Events is the URL of the event server, and Token what lets everybody in.
	Events string `json:"events,omitempty"`
	Token  string `json:"token,omitempty"`
	// Channel is the URL of 9Proxy's channel, with its token.
	Channel string `json:"channel,omitempty"`
	// CA is the path of the authority's certificate.
	CA string `json:"ca,omitempty"`
}

// readyMap is a listener in front of one origin.
type readyMap struct {
	URL    string `json:"url"`
	Origin string `json:"origin"`
}

// announce tells scripts that every listener is up.
func announce(io stdio, f serveFlags, info readyInfo) error {
	line, err := json.Marshal(info)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if f.json {
		if _, err := io.out.Write(line); err != nil {
			return fmt.Errorf("print the addresses: %w", err)
		}
	}
	if f.readyFile == "" {
		return nil
	}
	if err := replaceFile(f.readyFile, line); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}

// replaceFile gives path the content data; a reader sees all of it or nothing.
func replaceFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// removeStale removes the ready file of an earlier run, which would tell a
// waiting script the wrong addresses. Nothing but a file is taken for one: a
// device such as /dev/stdout would be replaced for the whole machine.
func removeStale(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return usagef("--ready-file: %s is not a regular file", path).hinted("use --json for standard output")
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the old ready file: %w", err)
	}
	return nil
}

// urlOf returns the http URL under which this machine reaches a listener.
func urlOf(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "http://" + addr.String()
	}
	ip := tcp.IP
	if ip.IsUnspecified() {
		ip = net.IPv6loopback
		if tcp.IP.To4() != nil {
			ip = net.IPv4(127, 0, 0, 1)
		}
	}
	return "http://" + (&net.TCPAddr{IP: ip, Port: tcp.Port}).String()
}
