//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Block renders names and values in turn as a header block that uses no table,
// so that it is the same each time.
func h2Block(namesAndValues ...string) []byte {
	var b []byte
	for i, s := range namesAndValues {
		if i%2 == 0 {
			b = append(b, 0) // a literal without indexing, with a new name
		}
		b = append(b, byte(len(s))) // none is longer than 126
		b = append(b, s...)
	}
	return b
}

// h2Request is itemRequest as a header block.
func h2Request(path, authority string) []byte {
	return h2Block(":method", "GET", ":scheme", "https", ":authority", authority, ":path", path,
		"user-agent", "bench/1.0 (linux)",
		"accept", "application/json, text/plain, */*",
		"accept-language", "en-GB,en;q=0.8",
		"accept-encoding", "gzip, br",
		"authorization", "Bearer 4f6b1c0e9a7d42d8b3c5",
		"referer", "http://app.example/items",
		"x-request-id", "01KAHQ2V7M6Q9Z4B8N3T5R1XCD")
}

// h2Answer is the head of itemAnswer as a header block.
func h2Answer(length int) []byte {
	return h2Block(":status", "200",
		"date", "Fri, 20 Nov 2026 12:00:00 GMT",
		"server", "origin",
		"content-type", "application/json",
		"content-length", strconv.Itoa(length),
		"cache-control", "private, max-age=0",
		"etag", "\"5f70bf18a086\"",
		"vary", "Accept-Encoding",
		"x-response-time", "3ms")
}

const (
	h2Frame = 16 << 10 // largest payload
	// h2Window and h2ConnWindow are what load and origin let their peers send.
	h2Window, h2ConnWindow = 4 << 20, 16 << 20
	// h2Credit is after how many bytes they give credit.
	h2Credit = 1 << 20
)

// An h2Conn is one side of an HTTP/2 connection with as little as load and origin
// need. What is appended to out is written when nothing more is there to be read.
type h2Conn struct {
	*tls.Conn
	in     *bufio.Reader
	framer *http2.Framer
	dec    *hpack.Decoder
	out    []byte
	first  string // first field of the block decoded last
	path   string // its :path
}

func newH2Conn(c *tls.Conn) *h2Conn {
	h := &h2Conn{Conn: c, in: bufio.NewReaderSize(c, 64<<10)}
	h.framer = http2.NewFramer(nil, h.in)
	h.framer.SetReuseFrames()
	h.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if h.first == "" {
			h.first = f.Value
		}
		if f.Name == ":path" {
			h.path = f.Value
		}
	})
	return h
}

// frame appends the header of a frame, whose payload of n bytes the caller
// appends.
func (h *h2Conn) frame(kind http2.FrameType, flags http2.Flags, stream uint32, n int) {
	h.out = append(h.out, byte(n>>16), byte(n>>8), byte(n), byte(kind), byte(flags))
	h.out = binary.BigEndian.AppendUint32(h.out, stream)
}

// greet appends what a side begins with.
func (h *h2Conn) greet() {
	h.frame(http2.FrameSettings, 0, 0, 12)
	h.out = append(h.out, 0, byte(http2.SettingMaxConcurrentStreams), 0, 0, 0xff, 0xff)
	h.out = append(h.out, 0, byte(http2.SettingInitialWindowSize))
	h.out = binary.BigEndian.AppendUint32(h.out, h2Window)
	h.credit(0, h2ConnWindow-65_535)
}

// credit appends a WINDOW_UPDATE.
func (h *h2Conn) credit(stream uint32, n int) {
	h.frame(http2.FrameWindowUpdate, 0, stream, 4)
	h.out = binary.BigEndian.AppendUint32(h.out, uint32(n))
}

// head appends a HEADERS frame.
func (h *h2Conn) head(stream uint32, block []byte, flags http2.Flags) {
	h.frame(http2.FrameHeaders, http2.FlagHeadersEndHeaders|flags, stream, len(block))
	h.out = append(h.out, block...)
}

// data appends a DATA frame.
func (h *h2Conn) data(stream uint32, p []byte, end bool) {
	var flags http2.Flags
	if end {
		flags = http2.FlagDataEndStream
	}
	h.frame(http2.FrameData, flags, stream, len(p))
	h.out = append(h.out, p...)
}

// flush writes what waits.
func (h *h2Conn) flush() error {
	_, err := h.Write(h.out)
	h.out = h.out[:0]
	return err
}

// next returns the next frame that load and origin look at, with its block
// decoded if it has one, and answers the others.
func (h *h2Conn) next() (http2.Frame, error) {
	for {
		if h.in.Buffered() == 0 && len(h.out) > 0 {
			if err := h.flush(); err != nil {
				return nil, err
			}
		}
		frame, err := h.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				h.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				h.frame(http2.FramePing, http2.FlagPingAck, 0, len(f.Data))
				h.out = append(h.out, f.Data[:]...)
			}
			continue
		case *http2.HeadersFrame:
			h.first, h.path = "", ""
			if _, err := h.dec.Write(f.HeaderBlockFragment()); err != nil || !f.HeadersEnded() {
				return nil, errors.Join(errors.New("a block that is not in one frame"), err)
			}
		case *http2.GoAwayFrame:
			return nil, fmt.Errorf("GOAWAY: %v %s", f.ErrCode, f.DebugData())
		case *http2.RSTStreamFrame:
			return nil, fmt.Errorf("stream %d was reset: %v", f.StreamID, f.ErrCode)
		}
		return frame, nil
	}
}
