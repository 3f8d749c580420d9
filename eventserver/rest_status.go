package eventserver

import (
	_ "embed"
	"net/http"
	"time"
)

//go:embed openapi.yaml
var openAPI []byte

func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{
		"status": "ok", "timestamp": time.Now().UnixMilli(), "connectedClients": s.Stats().Clients,
	})
}

func (s *Server) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // the client has left otherwise
	return nil
}

// statusEntry is what there is to say about the run.
type statusEntry struct {
	// StartedAt is in ms since 1970.
	StartedAt        int64  `json:"startedAt"`
	SessionID        string `json:"sessionId"`
	ConnectedClients int    `json:"connectedClients"`
	// Proxy is nil if there is none.
	Proxy     *proxyEntry `json:"proxy"`
	Exchanges int64       `json:"exchanges"`
	Bytes     int64       `json:"bytes"`
	Hits      int         `json:"hits"`
	// First and Next are the numbers of the oldest event that can be had again,
	// and of the one that comes next.
	Events struct {
		First uint64 `json:"first"`
		Next  uint64 `json:"next"`
	} `json:"events"`
}

// proxyEntry is the proxy as it is. Port is 0 unless it runs.
type proxyEntry struct {
	Running bool `json:"running"`
	Port    int  `json:"port"`
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) error {
	s.catchUp()
	e := statusEntry{
		StartedAt: s.began.UnixMilli(), SessionID: s.activeSession(),
		ConnectedClients: s.Stats().Clients, Hits: s.hits.count(),
	}
	if s.opts.Proxy != nil {
		port := s.opts.Proxy.Port()
		e.Proxy = &proxyEntry{Running: port != 0, Port: port}
	}
	for _, one := range s.Sessions() {
		e.Exchanges += one.Exchanges
		e.Bytes += one.Bytes
	}
	e.Events.First, e.Events.Next = s.ring.bounds()
	return writeJSON(w, http.StatusOK, e)
}
