package tail

import (
	"encoding/json"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// The summary as an object (docs/tail.md). Durations are in milliseconds, sizes in
// bytes of content as it passed.
type (
	statsJSON struct {
		seriesJSON
		Pending   int         `json:"pending"`
		Hosts     []hostJSON  `json:"hosts"`
		Slowest   []slowJSON  `json:"slowest"`
		WebSocket socketsJSON `json:"webSocket"`
	}
	seriesJSON struct {
		Count    int     `json:"count"`
		Errors   int     `json:"errors"`
		P50      float64 `json:"p50"`
		P95      float64 `json:"p95"`
		P99      float64 `json:"p99"`
		Sent     int64   `json:"sent"`
		Received int64   `json:"received"`
	}
	hostJSON struct {
		Host string `json:"host"`
		seriesJSON
		Routes []routeJSON `json:"routes"`
	}
	routeJSON struct {
		Route string `json:"route"`
		seriesJSON
	}
	slowJSON struct {
		MS     float64 `json:"ms"`
		Status int     `json:"status,omitempty"`
		Method string  `json:"method"`
		URL    string  `json:"url"`
	}
	socketsJSON struct {
		Connections int                   `json:"connections"`
		Closed      int                   `json:"closed"`
		Frames      map[string]framesJSON `json:"frames"`
	}
	framesJSON struct {
		Count int   `json:"count"`
		Bytes int64 `json:"bytes"`
	}
)

// write prints the summary.
func (s *stats) write(out *output, o *Options) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !o.JSON {
		t := &statsTable{o: o, s: s, styles: newStyles(o.Color)}
		return out.writeLine(t.render())
	}
	text, err := json.Marshal(s.object())
	if err != nil {
		return err
	}
	return out.writeLine(text)
}

func (s *stats) object() statsJSON {
	all := statsJSON{
		seriesJSON: s.total.object(), Pending: s.pending, Hosts: []hostJSON{}, Slowest: []slowJSON{},
		WebSocket: socketsJSON{Connections: s.sockets, Closed: s.closed, Frames: map[string]framesJSON{}},
	}
	for _, h := range s.hostsByCount() {
		host := hostJSON{Host: h.name, seriesJSON: h.object()}
		for _, r := range s.routesByCount(h.name) {
			host.Routes = append(host.Routes, routeJSON{r.name, r.object()})
		}
		all.Hosts = append(all.Hosts, host)
	}
	for _, x := range s.slowest {
		all.Slowest = append(all.Slowest, slowJSON{millis(x.duration), x.status, x.method, x.url})
	}
	for _, dir := range [...]traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		all.WebSocket.Frames[dir.String()] = framesJSON{s.frames[dir], s.frameBytes[dir]}
	}
	return all
}

func (s *series) object() seriesJSON {
	return seriesJSON{
		Count: s.count, Errors: s.errors,
		P50: millis(s.percentile(50)), P95: millis(s.percentile(95)), P99: millis(s.percentile(99)),
		Sent: s.sent, Received: s.received,
	}
}

// millis returns a duration as recordings have it.
func millis(d time.Duration) float64 { return float64(d/durationStep) / 10 }
