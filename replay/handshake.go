package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// isHandshake reports whether a request asks for a WebSocket connection (RFC
// 6455 section 4.1).
func isHandshake(method string, header traffic.Fields) bool {
	return method == "GET" && header.HasToken("Upgrade", "websocket") && header.Has("Sec-WebSocket-Key")
}

// mentionsWebSocket reports whether the fields of a recorded request, as JSON,
// may be those of a handshake, whose Upgrade and Sec-WebSocket-Key clients spell
// in one of two ways.
func mentionsWebSocket(headers string) bool {
	return strings.Contains(headers, "ebSocket") || strings.Contains(headers, "ebsocket")
}

// handshakeMethod stands for the method in the key of a handshake. No method is
// spelled like this: a request that is no handshake has another key.
const handshakeMethod = "GET websocket"

// handshakeKey returns the partial key of a handshake.
func handshakeKey(target string, tol *tolerance) key {
	return partialKey(handshakeMethod, steadyTarget(target), digest{}, tol)
}

// steadyTarget returns a target without the parts of the query that change from
// connection to connection.
func steadyTarget(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	pieces := slices.DeleteFunc(strings.Split(query, "&"), func(piece string) bool {
		name, _, _ := strings.Cut(piece, "=")
		return isVolatile(unescape(name))
	})
	return path + "?" + strings.Join(pieces, "&")
}

// isVolatile reports whether a query parameter of a handshake is left out of
// matching: secrets, among them sid and token, and what keeps caches away.
func isVolatile(name string) bool {
	switch name {
	case "t", "ts", "_", "nonce", "ticket":
		return true
	}
	return record.IsSecret(name)
}

// handshake answers a handshake with the next conversation recorded for its URL,
// or with the answer that refused it.
func (x *Index) handshake(ctx context.Context, req *traffic.Request, anywhere bool) (*traffic.Response, error) {
	s := x.find(req.URL, handshakeKey(req.URL.Target, &x.tolerance), anywhere)
	if loose, more := x.tolerance.loosened(); s == nil && more {
		s = x.find(req.URL, handshakeKey(req.URL.Target, loose), anywhere)
	}
	if s == nil {
		return x.miss(req, content{}, anywhere, ""), nil
	}
	number := s.next()
	c := x.conversations[x.table.lines[number].at]
	if c == nil {
		return x.recall(ctx, req, content{}, number, anywhere)
	}
	resp, err := x.upgrade(ctx, req, c, number)
	if err != nil {
		return x.miss(req, content{}, anywhere, err.Error()), nil
	}
	x.served.Add(1)
	return resp, nil
}

// upgrade returns the 101 that opens a conversation. The error says why it
// cannot be served.
func (x *Index) upgrade(ctx context.Context, req *traffic.Request, c *conversation, number uint32) (*traffic.Response, error) {
	if c.fault != "" {
		return nil, fmt.Errorf("recorded conversation %s %s", c.label(), c.fault)
	}
	entry, err := x.entry(number)
	if err != nil {
		return nil, err
	}
	header, ext := agree(req, entry.Response)
	return &traffic.Response{
		Status: 101,
		Reason: entry.Response.Reason,
		Proto:  "HTTP/1.1",
		Header: header,
		Body:   newDuplex(ctx, x, c, req.URL, ext),
		Length: -1,
		Source: traffic.SourceReplay,
	}, nil
}

// agree returns the fields of the 101 and the extensions it agrees on.
func agree(req *traffic.Request, recorded *record.EntryResponse) (traffic.Fields, wsframe.Extensions) {
	header := recorded.Header.Clone()
	header.Del("Content-Length", "Transfer-Encoding")
	if !header.HasToken("Upgrade", "websocket") {
		header.Set("Upgrade", "websocket")
	}
	if !header.HasToken("Connection", "Upgrade") {
		header.Set("Connection", "Upgrade")
	}
	header.Set("Sec-WebSocket-Accept", wsframe.AcceptKey(strings.TrimSpace(req.Header.Get("Sec-WebSocket-Key"))))
	if chosen := header.Get("Sec-WebSocket-Protocol"); !offers(req, chosen) {
		header.Del("Sec-WebSocket-Protocol")
	}
	var value string
	var ext wsframe.Extensions
	if wsframe.ParseExtensions(header.Values("Sec-WebSocket-Extensions")).Deflate {
		value, ext = wsframe.AcceptDeflate(req.Header.Values("Sec-WebSocket-Extensions"))
	}
	if value == "" {
		header.Del("Sec-WebSocket-Extensions")
	} else {
		header.Set("Sec-WebSocket-Extensions", value)
	}
	return header, ext
}

// offers reports whether a client knows a subprotocol, which is compared with
// case (RFC 6455 section 4.1).
func offers(req *traffic.Request, subprotocol string) bool {
	for _, value := range req.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(value, ",") {
			if strings.Trim(offer, " \t") == subprotocol {
				return true
			}
		}
	}
	return false
}
