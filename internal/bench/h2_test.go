//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// h2Lab starts the origin of HTTP/2 and returns what asks it directly.
func h2Lab(t *testing.T) (*process, streamLoad) {
	t.Helper()
	l := testLab(t)
	origin := mustHelper(t, l, "origin-h2", nil)
	what, err := loadStreams(l, origin, origin)
	if err != nil {
		t.Fatal(err)
	}
	return origin, what.(streamLoad)
}

func TestStreamLoadAndItsOrigin(t *testing.T) {
	origin, l := h2Lab(t)
	s, err := l.open(t.Context(), origin.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	runTwice(t, s)
}

func TestHeldStreamsGetTheirMessagesBack(t *testing.T) {
	origin, l := h2Lab(t)
	h, err := hold(t.Context(), l, origin.addr(), origin.addr(), 20)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.release(); err != nil {
		t.Error(err)
	}
}

func TestStreamLoadNoticesFaults(t *testing.T) {
	item := itemBody()
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   string
	}{
		{"refuses", func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusServiceUnavailable) }, "503"},
		{"another body", func(w http.ResponseWriter) { fmt.Fprint(w, strings.ToUpper(string(item))) }, "wrong body"},
		{"half a body", func(w http.ResponseWriter) { _, _ = w.Write(item[:100]) }, "whole body"},
		{"gives up", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(len(item)))
			_, _ = w.Write(item[:100])
			panic(http.ErrAbortHandler)
		}, "was reset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) }))
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			config.ServerName, config.NextProtos = "example.com", []string{"h2"}
			addr := server.Listener.Addr().String()
			l := streamLoad{dialer: tlsLoad{config: config}, request: h2Request(itemPath, addr), body: item}
			if err := openAndRun(t, l, addr); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}
