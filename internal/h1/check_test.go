package h1_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

func TestCheckRequest(t *testing.T) {
	good := func() *traffic.Request {
		return &traffic.Request{
			Method: "GET", Proto: "HTTP/1.1",
			URL:    traffic.URL{Scheme: "http", Authority: "a:80", Target: "/x?y#z"},
			Header: traffic.Fields{{Name: "Host", Value: "a"}, {Name: "X", Value: "a\tb\xff"}, {Name: "Y"}},
		}
	}
	tests := []struct {
		name string
		edit func(*traffic.Request)
		ok   bool
	}{
		{"nothing", func(*traffic.Request) {}, true},
		{"own method", func(r *traffic.Request) { r.Method = "M-SEARCH" }, true},
		{"server as a whole", func(r *traffic.Request) { r.Method, r.URL.Target = "OPTIONS", "*" }, true},
		{"wss", func(r *traffic.Request) { r.URL.Scheme = "wss" }, true},
		{"HTTP/1.0 without Host", func(r *traffic.Request) { r.Proto, r.Header = "HTTP/1.0", nil }, true},
		{"no method", func(r *traffic.Request) { r.Method = "" }, false},
		{"method with a line end", func(r *traffic.Request) { r.Method = "GET\r\n" }, false},
		{"CONNECT", func(r *traffic.Request) { r.Method = "CONNECT" }, false},
		{"no scheme", func(r *traffic.Request) { r.URL.Scheme = "" }, false},
		{"no authority", func(r *traffic.Request) { r.URL.Authority = "" }, false},
		{"relative target", func(r *traffic.Request) { r.URL.Target = "x" }, false},
		{"target with a line end", func(r *traffic.Request) { r.URL.Target = "/\r\nA: b" }, false},
		{"target with DEL", func(r *traffic.Request) { r.URL.Target = "/\x7f" }, false},
		{"HTTP/2", func(r *traffic.Request) { r.Proto = "HTTP/2.0" }, false},
		{"no Host", func(r *traffic.Request) { r.Header.Del("Host") }, false},
		{"name with a colon", func(r *traffic.Request) { r.Header.Add("A:", "") }, false},
		{"value with a line feed", func(r *traffic.Request) { r.Header.Add("A", "b\nC: d") }, false},
	}
	for _, test := range tests {
		req := good()
		test.edit(req)
		if err := h1.CheckRequest(req); (err == nil) != test.ok || err != nil && !h1.IsMalformed(err) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestCheckResponse(t *testing.T) {
	tests := []struct {
		name string
		resp traffic.Response
		ok   bool
	}{
		{"usual", traffic.Response{Status: 200, Reason: "Très bien", Proto: "HTTP/1.1"}, true},
		{"unknown", traffic.Response{Status: 999, Proto: "HTTP/1.0"}, true},
		{"switching", traffic.Response{Status: 101, Proto: "HTTP/1.1"}, true},
		{"not final", traffic.Response{Status: 100, Proto: "HTTP/1.1"}, false},
		{"no status", traffic.Response{Proto: "HTTP/1.1"}, false},
		{"four digits", traffic.Response{Status: 1000, Proto: "HTTP/1.1"}, false},
		{"no version", traffic.Response{Status: 200}, false},
		{"reason with a line end", traffic.Response{Status: 200, Proto: "HTTP/1.1", Reason: "OK\r\nA: b"}, false},
		{"bad name", traffic.Response{Status: 200, Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "a b"}}}, false},
		{"value with NUL", traffic.Response{Status: 200, Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "a", Value: "\x00"}}}, false},
	}
	for _, test := range tests {
		if err := h1.CheckResponse(&test.resp); (err == nil) != test.ok || err != nil && !h1.IsMalformed(err) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
