//go:build linux

package main

import (
	"errors"
	"slices"
	"strings"
)

// Names of subjects that targets refer to.
const (
	rawRelay      = "raw relay"
	reverseProxy  = "httputil.ReverseProxy"
	goProxy       = "elazarl/goproxy"
	nginx         = "nginx, static file"
	forward       = "necto record"
	forward1      = "necto record, HTTP/1.1"
	forward2      = "necto record, HTTP/2"
	holding1      = "necto record, 1 stream"
	holding1000   = "necto record, 1000 streams"
	reverse       = "necto record --reverse"
	replayOrigin  = "necto replay, as origin"
	replayProxy   = "necto replay, as proxy"
	publishing    = "necto record --events, no subscriber"
	publishing1   = "necto record --events, 1 subscriber"
	publishing500 = "necto record --events, 500 subscribers"
	stalling      = "necto record --events, 1 subscriber and 1 that does not read"
	nodeEvents    = "socket.io of Node.js"
	nectoEvents   = "necto's event server"
)

// rows are all comparisons in the order in which they run and are printed.
// To add one, give it subjects that start a server and say what load to put
// on it, and the targets.
var rows = []row{
	{
		name: "http", title: "HTTP/1.1 through the proxy, recorded", op: "request", origin: "origin",
		subjects: []subject{
			{rawRelay, startHelper("relay", loadItems)},
			{reverseProxy, startHelper("reverseproxy", loadItems)},
			{forward, startRecord(loadAbsolute, nil)},
			{reverse, startRecord(loadItems, reverseOf)},
		},
		targets: slices.Concat(httpTargets(forward), httpTargets(reverse)),
	},
	{
		name: "https", title: "HTTPS intercepted, recorded", op: "request", origin: "origin-tls",
		subjects: []subject{
			{rawRelay, startHelper("relay", loadTLS)},
			{goProxy, startHelper("goproxy", loadConnect)},
			{forward, startRecord(loadConnect, trustingOrigin)},
		},
		targets: []target{
			atMost(cpuFigure, forward, rawRelay, 3),
			atLeast(rateFigure, forward, goProxy, 1.5),
		},
	},
	{
		name: "websocket", title: "WebSocket echo of 128 B, recorded", op: "round trip", origin: "origin-echo",
		subjects: []subject{
			{rawRelay, startHelper("relay", loadEcho)},
			{reverseProxy, startHelper("reverseproxy", loadEcho)},
			{goProxy, startHelper("goproxy", loadEchoAbsolute)},
			{forward, startRecord(loadEchoAbsolute, nil)},
			{reverse, startRecord(loadEcho, reverseOf)},
		},
		targets: slices.Concat(echoTargets(forward), echoTargets(reverse)),
	},
	{
		name: "replay", title: "replay", op: "request", origin: "origin",
		subjects: []subject{
			{nginx, startNginx},
			{replayOrigin, startReplay(loadItems)},
			{replayProxy, startReplay(loadAbsolute)},
		},
		targets: slices.Concat(replayTargets(replayOrigin), replayTargets(replayProxy)),
	},
	{
		name: "http2", title: "HTTP/2 intercepted, 32 streams on one connection, recorded", op: "request", origin: "origin-h2",
		subjects: []subject{
			{rawRelay, startHelper("relay", loadStreams)},
			{reverseProxy, startHelper("reverse-h2", loadStreams)},
			{goProxy, startHelper("goproxy-h2", loadConnectStreams)},
			{forward, startRecord(loadConnectStreams, trustingOrigin)},
		},
		targets: []target{
			atLeast(rateFigure, forward, reverseProxy, 1.3),
			atLeast(rateFigure, forward, goProxy, 1.3),
		},
	},
	{
		name: "bulk2", title: "a 1 GiB body inside TLS, recorded", op: "GiB", origin: "origin-h2", long: true,
		subjects: []subject{
			{forward1, startRecord(loadConnectBulk, trustingOrigin)},
			{forward2, startRecord(loadStreamBulk, trustingOrigin)},
		},
		targets: []target{
			atLeast(rateFigure, forward2, forward1, 0.5),
			atMost(peakFigure, forward2, "", 64),
		},
	},
	{
		name: "streams", title: "gRPC-like streams that are open", origin: "origin-h2", measure: measureIdle,
		subjects: []subject{
			{holding1, startHolding(1)},
			{holding1000, startHolding(heldStreams)},
		},
		targets: []target{atMost(streamFigure, holding1000, "", 50)},
	},
	bulkRow("bulk", "a 4 GiB body with Content-Length, recorded", bulkPath),
	bulkRow("chunked", "a 4 GiB chunked body, recorded", bulkChunkedPath),
	{
		name: "start", title: "start and idle", origin: "origin", measure: measureStart,
		subjects: []subject{
			{rawRelay, startHelper("relay", loadItems)},
			{forward, startRecord(loadAbsolute, nil)},
		},
		targets: []target{
			atMost(startFigure, forward, "", 30),
			atMost(idleFigure, forward, "", 25),
		},
	},
	{
		name: "events", title: "HTTP/1.1 through the proxy, recorded and published", op: "request", origin: "origin",
		subjects: []subject{
			{forward, startRecord(loadAbsolute, nil)},
			{publishing, startPublishing(0)},
			{publishing1, startPublishing(1)},
		},
		targets: []target{
			atLeast(rateFigure, publishing, forward, 0.98),
			atLeast(rateFigure, publishing1, forward, 0.9),
		},
	},
	{
		name: "subscribers", title: "subscribers that wait", origin: "origin", measure: measureIdle,
		subjects: []subject{
			{publishing, startPublishing(0)},
			{publishing500, startPublishing(idleSubscribers)},
		},
		targets: []target{atMost(grownFigure, publishing500, "", 50)},
	},
	{
		name: "stalled", title: "200,000 events past a subscriber that does not read", origin: "origin", measure: measureStalled,
		subjects: []subject{
			{publishing1, startPublishing(1)},
			{stalling, startStalling},
		},
		// What is kept for who is slow is bounded by 64 MiB; as much again may be garbage.
		targets: []target{atMost(stalledFigure, stalling, "", 128)},
	},
	deliveryRow(1),
	deliveryRow(50),
	deliveryRow(500),
}

func httpTargets(subject string) []target {
	return []target{
		atMost(cpuFigure, subject, rawRelay, 2.5),
		atLeast(rateFigure, subject, reverseProxy, 2.5),
	}
}

func echoTargets(subject string) []target {
	return []target{
		atMost(cpuFigure, subject, rawRelay, 1.7),
		atLeast(rateFigure, subject, rawRelay, 0.8),
	}
}

func replayTargets(subject string) []target {
	return []target{
		atMost(cpuFigure, subject, nginx, 1.4),
		atLeast(rateFigure, subject, nginx, 0.8),
	}
}

// bulkRow compares large transfers with a relay that splices.
func bulkRow(name, title, path string) row {
	return row{
		name: name, title: title, op: "GiB", origin: "origin-bulk", long: true,
		subjects: []subject{
			{rawRelay, startHelper("splice-relay", loadBulk(path))},
			{forward, startRecord(loadBulk(path), nil)},
		},
		targets: []target{
			atLeast(rateFigure, forward, rawRelay, 0.7),
			atMost(peakFigure, forward, "", 64),
		},
	}
}

// selectRows returns the rows named in only, a list with commas; empty means
// all.
func selectRows(only string) ([]row, error) {
	if only == "" {
		return rows, nil
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	var out []row
	for name := range strings.SplitSeq(only, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, errors.New("unknown row " + name + ", there are " + strings.Join(names, ", "))
		}
		out = append(out, rows[i])
	}
	return out, nil
}
