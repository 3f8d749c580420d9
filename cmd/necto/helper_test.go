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
)

// fetchMain is a Go client for scripts: "fetch [-proxy URL] [-d DATA] [-v] URL..."
// prints the content of the answers. Without -proxy it goes by the environment,
// as any Go program does.
func fetchMain() {
	proxyURL := flag.String("proxy", "", "proxy")
	data := flag.String("d", "", "JSON content to post")
	verbose := flag.Bool("v", false, "print the status as well")
	flag.Parse()
	client, err := fetchClient(*proxyURL)
	if err != nil {
		fail(err)
	}
	for _, target := range flag.Args() {
		if err := fetch(client, target, *data, *verbose); err != nil {
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

func fetch(client *http.Client, target, data string, verbose bool) error {
	method, body := http.MethodGet, io.Reader(nil)
	if data != "" {
		method, body = http.MethodPost, strings.NewReader(data)
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if verbose {
		fmt.Println(resp.Status)
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
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
