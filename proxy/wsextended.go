package proxy

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// A handshake by extended CONNECT (RFC 8441) has in the model the form of RFC
// 6455, so that layers, recordings and origins of HTTP/1.1 need to know only one.
// These are the fields that it does not have in HTTP/2.
const (
	wsKey    = "sec-websocket-key"
	wsAccept = "sec-websocket-accept"
)

// viaHTTP2 is traffic.WebSocket.Via for a stream.
const viaHTTP2 = "h2"

// isWebSocket reports whether a request asks for a WebSocket connection.
func isWebSocket(req *traffic.Request) bool {
	return req.Header.HasToken("Upgrade", "websocket")
}

// handshakeOf returns the fields of an extended CONNECT with those that RFC 6455
// wants besides, also in place of a key that the client has sent.
func handshakeOf(fields traffic.Fields) traffic.Fields {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	return append(slices.Clip(fields.Without(wsKey)),
		traffic.Field{Name: "connection", Value: "Upgrade"},
		traffic.Field{Name: "upgrade", Value: "websocket"},
		traffic.Field{Name: wsKey, Value: base64.StdEncoding.EncodeToString(key)})
}

// webSocketHead returns the head of an extended CONNECT, of which fields are the
// fields.
func webSocketHead(req *traffic.Request, fields traffic.Fields) h2.Head {
	return h2.Head{
		Pseudo: traffic.Fields{
			{Name: ":method", Value: http.MethodConnect},
			{Name: ":protocol", Value: "websocket"},
			{Name: ":scheme", Value: req.URL.Scheme},
			{Name: ":authority", Value: authorityOf(req)},
			{Name: ":path", Value: req.URL.Target},
		},
		Fields: fields.Without(wsKey),
	}
}

// acceptWebSocket makes the 101 of RFC 6455 of the answer to an extended CONNECT.
func acceptWebSocket(req *traffic.Request, resp *traffic.Response) {
	resp.Status, resp.Length = http.StatusSwitchingProtocols, 0
	resp.Header = append(slices.Clip(resp.Header),
		traffic.Field{Name: "connection", Value: "Upgrade"},
		traffic.Field{Name: "upgrade", Value: "websocket"},
		traffic.Field{Name: wsAccept, Value: acceptFor(req.Header.Get(wsKey))})
}

// acceptFor returns the proof that a server has understood a handshake with that
// key (RFC 6455 section 4.2.2).
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as RFC 6455 has it
	return base64.StdEncoding.EncodeToString(sum[:])
}

// checkAccept checks a 101 to a key that necto has made, so that nobody else can.
func checkAccept(req *traffic.Request, resp *traffic.Response) error {
	if resp.Header.Get(wsAccept) == acceptFor(req.Header.Get(wsKey)) {
		return nil
	}
	return &traffic.Failure{
		Kind: traffic.FailProtocol, Side: traffic.SideUpstream,
		Text: req.URL.Authority + ": a 101 whose Sec-WebSocket-Accept does not fit the request",
	}
}
