//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"

	"golang.org/x/net/http2"
)

// holdPath is where an origin sends back what it gets, on a stream that stays
// open.
const holdPath = "/hold"

// serveH2Origin answers the requests of serveTLSOrigin, of a 1 GiB answer, and of
// streams that stay open, in HTTP/2; in HTTP/1.1 only the large answer.
func serveH2Origin(o helperOptions) error {
	cert, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	bulk := newBulkAnswer(bulkTLSBlocks, false)
	return o.serve(func(raw net.Conn) {
		defer raw.Close()
		c := tls.Server(raw, config)
		if c.HandshakeContext(context.Background()) != nil {
			return
		}
		if c.ConnectionState().NegotiatedProtocol == "h2" {
			h := &h2Origin{h2Conn: newH2Conn(c), window: 65_535, first: 65_535, streams: map[uint32]*h2Sending{}}
			_ = h.serve(bulk.unit) // the client counts what it got
			return
		}
		if _, err := c.Read(make([]byte, 16<<10)); err == nil {
			_ = bulk.send(c)
		}
	})
}

// An h2Origin is the origin's side of a connection.
type h2Origin struct {
	*h2Conn
	window  int // of the connection
	first   int // of new streams
	streams map[uint32]*h2Sending
}

// An h2Sending is an answer that was not sent completely.
type h2Sending struct {
	window int
	left   int // -1 for a stream that sends back what it gets
	unit   []byte
	at     int // in unit, which repeats
}

func (h *h2Origin) serve(block []byte) error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(h.in, preface); err != nil {
		return err
	}
	h.greet()
	item := itemBody()
	for {
		frame, err := h.next()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			h.answer(f.StreamID, item, block)
		case *http2.DataFrame:
			h.sendBack(f)
		case *http2.SettingsFrame:
			if first, ok := f.Value(http2.SettingInitialWindowSize); ok {
				h.first = int(first) // before the first stream
			}
		case *http2.WindowUpdateFrame:
			h.grow(f)
		}
		if err := h.pump(); err != nil {
			return err
		}
	}
}

// answer begins the answer to a request.
func (h *h2Origin) answer(stream uint32, item, block []byte) {
	s := &h2Sending{window: h.first, left: len(item), unit: item}
	head := h2Answer(len(item))
	switch h.path {
	case bulkPath:
		s.left, s.unit = bulkTLSBlocks*bulkBlock, block
		head = h2Answer(s.left)
	case holdPath:
		s.left = -1
		head = h2Block(":status", "200", "content-type", "application/grpc")
	}
	h.head(stream, head, 0)
	h.streams[stream] = s
}

// sendBack sends back what came on a stream that stays open.
func (h *h2Origin) sendBack(f *http2.DataFrame) {
	if s := h.streams[f.StreamID]; s == nil || s.left >= 0 {
		return
	}
	h.data(f.StreamID, f.Data(), f.StreamEnded())
	if n := int(f.Length); n > 0 {
		h.credit(0, n)
		h.window -= n
	}
	if f.StreamEnded() {
		delete(h.streams, f.StreamID)
	}
}

// grow takes credit.
func (h *h2Origin) grow(f *http2.WindowUpdateFrame) {
	if f.StreamID == 0 {
		h.window += int(f.Increment)
	} else if s := h.streams[f.StreamID]; s != nil {
		s.window += int(f.Increment)
	}
}

// pump sends of all answers what windows let it.
func (h *h2Origin) pump() error {
	for stream, s := range h.streams {
		for s.left > 0 && s.window > 0 && h.window > 0 {
			n := min(s.left, s.window, h.window, h2Frame, len(s.unit)-s.at)
			s.left -= n
			s.window -= n
			h.window -= n
			h.data(stream, s.unit[s.at:s.at+n], s.left == 0)
			s.at = (s.at + n) % len(s.unit)
			if len(h.out) >= 4*h2Frame {
				if err := h.flush(); err != nil {
					return err
				}
			}
		}
		if s.left == 0 {
			delete(h.streams, stream)
		}
	}
	return nil
}
