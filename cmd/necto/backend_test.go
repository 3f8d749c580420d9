package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rogpeppe/go-internal/testscript"
)

// backend starts an origin for rules: "backend NAME" sets NAME to its URL and
// NAME_ADDR to its address. It serves
//
//	/broken   status 500
//	/events   ten server-sent events
//	/chat     WebSocket, each message sent back
//	/large    100,000 bytes
//	/         everything else: the request as it came
func backend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: backend NAME")
	}
	s := httptest.NewServer(backendHandler())
	ts.Defer(func() {
		s.CloseClientConnections()
		s.Close()
	})
	ts.Setenv(args[0], s.URL)
	ts.Setenv(args[0]+"_ADDR", s.Listener.Addr().String())
}

func backendHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusInternalServerError)
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 10 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush() // the client sees what is missing
		}
	})
	large := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("0123456789"), 10_000))
	}
	mux.HandleFunc("/large", large)
	mux.HandleFunc("/cut", large)
	mux.HandleFunc("/images/", large)
	mux.HandleFunc("/chat", serveBackendChat)
	mux.HandleFunc("/", serveRequest)
	return mux
}

// serveRequest answers with the request, fields sorted.
func serveRequest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Set-Cookie", "session=one")
	fmt.Fprintf(w, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	var fields []string
	for name, values := range r.Header {
		fields = append(fields, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(fields)
	fmt.Fprintf(w, "%s\n\n%s\n", strings.Join(fields, "\n"), body)
}

func serveBackendChat(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{EnableCompression: true}).Upgrade(w, r, nil)
	if err != nil {
		return // the client was told
	}
	defer conn.Close()
	for {
		kind, p, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, p) != nil {
			return
		}
	}
}

// await asks for a URL through PROXY until the answer is a text: "await TEXT URL".
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await TEXT URL")
	}
	client, err := fetchClient(ts.Getenv("PROXY"))
	ts.Check(err)
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(scriptPatience); ; time.Sleep(10 * time.Millisecond) {
		resp, err := client.Get(args[1])
		ts.Check(err)
		body, err := io.ReadAll(resp.Body)
		ts.Check(errors.Join(err, resp.Body.Close()))
		if strings.TrimSpace(string(body)) == args[0] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is still %q", args[1], body)
		}
	}
}

// pause gives what watches files the time to see them: "pause DURATION".
func pause(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pause DURATION")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}
