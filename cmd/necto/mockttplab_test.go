package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// mockttpPatience is how long the tests of /mockttp wait for what is about to
// happen.
const mockttpPatience = 20 * time.Second

// mockttpLab is a proxy that records, with an event server, and a client of
// /mockttp.
type mockttpLab struct {
	t         *testing.T
	addr      string      // of the proxy
	address   string      // URL of the event server
	trust     *tls.Config // of a client that trusts it
	events    *mockttpEvents
	recording string

	secure string // address of the TLS origin
	roots  *x509.CertPool
	end    func()
}

// mockttpOptions say what a lab is like.
type mockttpOptions struct {
	// rules is a rules file, "" for none.
	rules       string
	passthrough []string
	maxBody     int64
	// http2 says that the TLS origin speaks HTTP/2.
	http2 bool
}

// newMockttpLab returns a lab that ends with the test, or before with finish.
func newMockttpLab(t *testing.T, o mockttpOptions) *mockttpLab {
	t.Helper()
	l := &mockttpLab{t: t, recording: filepath.Join(t.TempDir(), "run.jsonl")}
	l.startSecure(o.http2)
	writer, err := record.Create(l.recording, record.Options{Redaction: "off"})
	if err != nil {
		t.Fatal(err)
	}
	server, address, closeServer := serveMockttp(t)
	p := proxy.New(l.proxyOptions(o, traffic.Tee{writer, server}, server))
	l.addr = listenWS(t, p, nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	l.address, l.events = address, watchMockttp(t, address)
	l.end = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ran, writer.Close()); err != nil {
			t.Error(err)
		}
		closeServer()
	})
	t.Cleanup(l.end)
	return l
}

// startSecure starts the TLS origin.
func (l *mockttpLab) startSecure(http2 bool) {
	s := httptest.NewUnstartedServer(nectest.NewOriginHandler())
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	l.t.Cleanup(s.Close)
	l.secure, l.roots = s.Listener.Addr().String(), x509.NewCertPool()
	l.roots.AddCert(s.Certificate())
}

func (l *mockttpLab) proxyOptions(o mockttpOptions, observer traffic.Observer, server *eventserver.Server) proxy.Options {
	l.t.Helper()
	authority, err := ca.Load(l.t.TempDir())
	if err != nil {
		l.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.CertPEM())
	l.trust = &tls.Config{RootCAs: pool, ServerName: nectest.OriginHost}
	options := proxy.Options{
		CA: authority, Observer: observer, Passthrough: o.passthrough, MaxBody: o.maxBody,
		BodyChunks: server.WantsBodyChunks, TunnelData: server.WantsTunnelData,
		Network: &proxy.Network{RootCAs: l.roots, Resolve: map[string]string{nectest.OriginHost + ":443": l.secure}},
	}
	if o.rules != "" {
		set, err := rules.Parse("rules.yaml", []byte("version: 1\nrules:\n"+o.rules))
		if err != nil {
			l.t.Fatal(err)
		}
		engine := rules.NewEngine(rules.NewStore(set), nil)
		options.Layers, options.Frames = []proxy.Layer{engine.Layer}, engine.Frames
	}
	return options
}

// serveMockttp serves an event server; the caller calls end.
func serveMockttp(t *testing.T) (s *eventserver.Server, address string, end func()) {
	t.Helper()
	s = eventserver.New(eventserver.Options{})
	web := httptest.NewServer(s.Handler())
	return s, web.URL, func() {
		ctx, cancel := context.WithTimeout(context.Background(), mockttpPatience)
		defer cancel()
		s.Close(ctx)
		web.Close()
	}
}

// finish ends the lab when all has come that there is.
func (l *mockttpLab) finish() {
	l.t.Helper()
	l.end()
	<-l.events.ended
}

// republish returns the events of the recording of a lab, which has to have been
// finished.
func (l *mockttpLab) republish() []mockttpEvent {
	l.t.Helper()
	player, err := replay.OpenPlayer([]string{l.recording}, replay.PlayOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	defer player.Close()
	server, address, closeServer := serveMockttp(l.t)
	events := watchMockttp(l.t, address)
	if err := player.Play(l.t.Context(), server); err != nil {
		l.t.Fatal(err)
	}
	closeServer() // what was published goes out before
	<-events.ended
	return events.all()
}

// mockttpEvent is an event that a client got. Attachments are where they belong,
// as []byte.
type mockttpEvent struct {
	name    string
	payload map[string]any
}

// mockttpEvents collects events until the server ends the connection.
type mockttpEvents struct {
	t     *testing.T
	ended chan struct{}
	close func() // ends the connection

	mu   sync.Mutex // guards the fields below
	list []mockttpEvent
	news chan struct{} // closed at the next event
}

// watchMockttp connects a client of /mockttp.
func watchMockttp(t *testing.T, address string) *mockttpEvents {
	t.Helper()
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{Namespace: "/mockttp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	// The answer says that the server knows of the client.
	if _, err := c.Call("subscribe", nil); err != nil {
		t.Fatal(err)
	}
	events := &mockttpEvents{
		t: t, ended: make(chan struct{}), news: make(chan struct{}), close: func() { _ = c.Close() },
	}
	go events.collect(c)
	return events
}

func (m *mockttpEvents) collect(c *eventclient.Client) {
	defer close(m.ended)
	for {
		e, err := c.Next()
		if err != nil {
			return
		}
		var payload map[string]any
		if err := json.Unmarshal(e.Args[0], &payload); err != nil {
			m.t.Errorf("%s: %v: %s", e.Name, err, e.Args[0])
		}
		attach(payload, e.Attachments)
		m.mu.Lock()
		m.list = append(m.list, mockttpEvent{e.Name, payload})
		close(m.news)
		m.news = make(chan struct{})
		m.mu.Unlock()
	}
}

// attach puts attachments in the place of what stands for them.
func attach(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = attach(v[i], attachments)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return attachments[int(v["num"].(float64))]
		}
		for name := range v {
			v[name] = attach(v[name], attachments)
		}
	}
	return v
}

// all returns the events so far.
func (m *mockttpEvents) all() []mockttpEvent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clip(m.list)
}

// wait returns the first event that is meant.
func (m *mockttpEvents) wait(what string, meant func(mockttpEvent) bool) mockttpEvent {
	m.t.Helper()
	late := time.After(mockttpPatience)
	for {
		m.mu.Lock()
		list, news := m.list, m.news
		m.mu.Unlock()
		for _, e := range list {
			if meant(e) {
				return e
			}
		}
		select {
		case <-news:
		case <-late:
			m.t.Fatalf("no %s among %q", what, steps(list))
		}
	}
}

// waitFor returns the first event of one of these names.
func (m *mockttpEvents) waitFor(names ...string) mockttpEvent {
	m.t.Helper()
	return m.wait(names[0], func(e mockttpEvent) bool { return slices.Contains(names, e.name) })
}
