package eventserver

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/necto-dev/necto/traffic"
)

// metrics counts what is observed, for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	// exchanges are those that have ended, by the first digit of their status; 0 is
	// for those without a response.
	exchanges [10]prometheus.Counter
	failures  *prometheus.CounterVec
	bytes     [2]prometheus.Counter // by traffic.Direction
	frames    [2]prometheus.Counter // by traffic.Direction
	duration  prometheus.Histogram
}

// durations are the bounds of the histogram in seconds.
var durations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// newMetrics returns the metrics of a Server that is ready but for them.
func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	exchanges := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "necto_exchanges_total", Help: "Exchanges that ended, by status class; none is for those without a response.",
	}, []string{"status"})
	for i := range m.exchanges {
		class := strconv.Itoa(i) + "xx"
		if i == 0 {
			class = "none"
		}
		m.exchanges[i] = exchanges.WithLabelValues(class)
	}
	m.failures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "necto_exchange_failures_total", Help: "Exchanges that did not complete, by kind of failure.",
	}, []string{"kind"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "necto_body_bytes_total", Help: "Content of requests and responses of exchanges that ended, content coding kept.",
	}, []string{"direction"})
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "necto_websocket_frames_total", Help: "Frames of WebSocket connections.",
	}, []string{"direction"})
	for _, d := range [...]traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		m.bytes[d], m.frames[d] = bytes.WithLabelValues(d.String()), frames.WithLabelValues(d.String())
	}
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "necto_exchange_duration_seconds", Help: "How long exchanges took.", Buckets: durations,
	})
	m.registry.MustRegister(exchanges, m.failures, bytes, frames, m.duration)
	m.registry.MustRegister(gauges(s)...)
	return m
}

// gauges returns the metrics that are asked for when they are wanted.
func gauges(s *Server) []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return []prometheus.Collector{
		gauge("necto_exchanges_running", "Exchanges and WebSocket connections that have not ended.",
			func() float64 { return float64(s.history.inFlight()) }),
		gauge("necto_event_clients", "Connected clients of the event server.",
			func() float64 { return float64(s.Stats().Clients) }),
		gauge("necto_event_queue_items", "Events kept for clients that are slow or late.",
			func() float64 { return float64(s.Stats().Items) }),
		gauge("necto_event_queue_bytes", "Memory that these events take, about.",
			func() float64 { return float64(s.Stats().Bytes) }),
		gauge("necto_event_queue_behind", "Events that the slowest client has not been sent.",
			func() float64 { return float64(s.Stats().Behind) }),
		gauge("necto_breakpoint_hits", "Exchanges and messages held at breakpoints.",
			func() float64 { return float64(s.hits.count()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "necto_events_dropped_total", Help: "Events that clients missed because they were slow.",
		}, func() float64 { return float64(s.Stats().Dropped) }),
	}
}

// handler serves the metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// done counts an exchange that has ended, or has opened a WebSocket connection.
func (m *metrics) done(x *traffic.Exchange) {
	class := 0
	if x.Response != nil && x.Response.Status < 1000 {
		class = x.Response.Status / 100
	}
	m.exchanges[class].Inc()
	if x.Failure != nil {
		m.failures.WithLabelValues(string(x.Failure.Kind)).Inc()
	}
	if x.RequestBody != nil {
		m.bytes[traffic.ClientToServer].Add(float64(x.RequestBody.Size()))
	}
	if x.ResponseBody != nil {
		m.bytes[traffic.ServerToClient].Add(float64(x.ResponseBody.Size()))
	}
	m.duration.Observe(x.Duration.Seconds())
}
