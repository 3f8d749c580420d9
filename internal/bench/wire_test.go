//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestItemIsAsDescribed(t *testing.T) {
	body := itemBody()
	if len(body) != itemSize || !json.Valid(body) {
		t.Errorf("the item is %d bytes, valid JSON %t; want %d, true", len(body), json.Valid(body), itemSize)
	}
	head, _, _ := bytes.Cut(itemAnswer(), headEnd)
	if n := bytes.Count(head, []byte("\r\n")); n != 8 {
		t.Errorf("the answer has %d fields, want 8", n)
	}
	request := itemRequest(itemPath, "127.0.0.1:1")
	if n := bytes.Count(request, []byte("\r\n")) - 2; n != 8 {
		t.Errorf("the request has %d fields, want 8", n)
	}
}

func TestCheckerWantsWholeAnswers(t *testing.T) {
	answer := itemAnswer()
	c := checker{body: itemBody()}
	for n := range answer {
		if size, err := c.size(answer[:n]); size != 0 || err != nil {
			t.Fatalf("size of the first %d bytes = %d, %v; want 0, nil", n, size, err)
		}
	}
	for range 2 { // the second time the head is known
		size, err := c.size(append(slices.Clip(answer), "HTTP/1.1"...))
		if size != len(answer) || err != nil {
			t.Fatalf("size = %d, %v; want %d, nil", size, err, len(answer))
		}
	}
	dated := bytes.Replace(answer, []byte("12:00:00"), []byte("12:00:01"), 1)
	if size, err := c.size(dated); size != len(answer) || err != nil {
		t.Fatalf("size with another date = %d, %v; want %d, nil", size, err, len(answer))
	}
}

func TestCheckerRefusesWrongAnswers(t *testing.T) {
	good := string(itemAnswer())
	tests := []struct {
		name, old, new, want string
	}{
		{"another status", "200 OK", "502 Bad Gateway", "502"},
		{"another length", "Content-Length: 1024", "Content-Length: 1023", "Content-Length 1023"},
		{"no length", "Content-Length: 1024", "Transfer-Encoding: chunked", "no Content-Length"},
		{"another body", "notebook", "Notebook", "wrong body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.old, tt.new, 1)
			for _, known := range []string{"", good} {
				c := checker{body: itemBody()}
				if _, err := c.size([]byte(known)); err != nil {
					t.Fatal(err)
				}
				if _, err := c.size([]byte(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error after %d known bytes = %v, want one with %q", len(known), err, tt.want)
				}
			}
		})
	}
}

func FuzzChecker(f *testing.F) {
	f.Add(itemAnswer())
	f.Add([]byte("HTTP/1.1 200 OK\r\ncontent-length:1024\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 \r\n\r\n\r\n"))
	body := itemBody()
	f.Fuzz(func(t *testing.T, b []byte) {
		c := checker{body: body}
		size, err := c.size(b)
		if err != nil || size == 0 {
			return
		}
		if size > len(b) || !bytes.HasSuffix(b[:size], body) {
			t.Errorf("size = %d of %d bytes that do not end with the body", size, len(b))
		}
	})
}

func BenchmarkChecker(b *testing.B) {
	answer := itemAnswer()
	c := checker{body: itemBody()}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		if size, err := c.size(answer); size != len(answer) || err != nil {
			b.Fatal(size, err)
		}
	}
}

// itemServer answers as the origin does, through net/http, and counts.
func itemServer(t *testing.T, answered func()) *httptest.Server {
	t.Helper()
	body := itemBody()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a lost client is the load's to report
	}))
	t.Cleanup(srv.Close)
	return srv
}
