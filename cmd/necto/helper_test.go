package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// fetchMain is a Go client for scripts: "fetch [flags] URL..." prints the content
// of the answers. Without -proxy it goes by the environment, as any Go program
// does.
func fetchMain() {
	var f fetcher
	proxyURL := flag.String("proxy", "", "proxy")
	flag.StringVar(&f.method, "X", "", "method")
	flag.StringVar(&f.data, "d", "", "JSON content to post")
	flag.BoolVar(&f.verbose, "v", false, "print the status as well")
	flag.BoolVar(&f.header, "i", false, "print the header as well, sorted")
	flag.DurationVar(&f.least, "least", 0, "fail if an answer takes less")
	timeout := flag.Duration("timeout", 0, "how long an answer may take")
	flag.Func("H", "header field", func(s string) error { f.fields = append(f.fields, s); return nil })
	flag.Parse()
	var err error
	if f.client, err = fetchClient(*proxyURL); err != nil {
		fail(err)
	}
	f.client.Timeout = *timeout
	for _, target := range flag.Args() {
		if err := f.fetch(target); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func fetchClient(proxyURL string) (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{}}
	if proxyURL != "" {
		u, err := url.Parse(proxyURL)
		if err != nil {
			return nil, err
		}
		transport.Proxy = http.ProxyURL(u)
	}
	// Go reads SSL_CERT_FILE itself, but not on every system.
	if path := os.Getenv("SSL_CERT_FILE"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	return &http.Client{Transport: transport}, nil
}

// fetcher is what fetch was told.
type fetcher struct {
	client          *http.Client
	method, data    string
	fields          []string
	verbose, header bool
	least           time.Duration
}

func (f *fetcher) fetch(target string) error {
	req, err := f.request(target)
	if err != nil {
		return err
	}
	start := time.Now()
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if f.verbose || f.header {
		fmt.Println(resp.Status)
	}
	if f.header {
		if err := resp.Header.WriteSubset(os.Stdout, map[string]bool{"Date": true}); err != nil {
			return err
		}
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	if took := time.Since(start); err == nil && took < f.least {
		err = fmt.Errorf("%s took %v, less than %v", target, took, f.least)
	}
	return err
}

func (f *fetcher) request(target string) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if f.data != "" {
		method, body = http.MethodPost, strings.NewReader(f.data)
	}
	if f.method != "" {
		method = f.method
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, field := range f.fields {
		name, value, _ := strings.Cut(field, ":")
		req.Header.Add(name, strings.TrimSpace(value))
	}
	req.Host = req.Header.Get("Host") // "" for that of the URL
	return req, nil
}

// childMain is a command for necto to run: "child exit N" ends at once, "child
// env NAME..." prints variables, "child wait FILE [N]" creates FILE, and prints
// the first N signals and ends with 9; without N it ends at none. FILE.signal
// appears with the first.
func childMain() {
	args := os.Args[1:]
	switch args[0] {
	case "exit":
		code, err := strconv.Atoi(args[1])
		if err != nil {
			fail(err)
		}
		os.Exit(code)
	case "env":
		for _, name := range args[1:] {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
		}
	case "wait":
		childWait(args[1:])
	}
}

func childWait(args []string) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, stopSignals...)
	if err := os.WriteFile(args[0], nil, 0o600); err != nil {
		fail(err)
	}
	last := -1
	if len(args) > 1 {
		var err error
		if last, err = strconv.Atoi(args[1]); err != nil {
			fail(err)
		}
	}
	for n := 1; n != last+1; n++ {
		fmt.Println("signal:", <-signals)
		if err := os.WriteFile(args[0]+".signal", nil, 0o600); err != nil {
			fail(err)
		}
	}
	os.Exit(9)
}
