package h2_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/internal/h2"
)

// many is more than any budget has.
const many = 20_000

// repeat sends one frame many times, in pieces, until the server has had enough.
func (p *peer) repeat(frame []byte) {
	piece := bytes.Repeat(frame, 100)
	for range many / 100 {
		if _, err := p.conn.Write(piece); err != nil {
			return
		}
	}
}

// raw returns the bytes of a frame.
func raw(kind http2.FrameType, flags http2.Flags, stream uint32, payload ...byte) []byte {
	n := len(payload)
	header := []byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), byte(flags)}
	return append(binary.BigEndian.AppendUint32(header, stream), payload...)
}

// attacks are peers that are to be sent away with the code.
var attacks = []struct {
	name string
	code h2.Code
	run  func(*peer)
}{
	{"rapid reset", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.requests(func(id uint32) []byte { return raw(http2.FrameRSTStream, 0, id, 0, 0, 0, 8) })
	}},
	{"resets that the server is made to send", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.requests(func(id uint32) []byte { return raw(http2.FrameWindowUpdate, 0, id, 0, 0, 0, 0) })
	}},
	{"malformed requests", h2.CodeEnhanceYourCalm, func(p *peer) {
		block := p.encode("x", "y")
		p.streams(func(id uint32) []byte { return raw(http2.FrameHeaders, 5, id, block...) })
	}},
	{"more streams than it takes", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.requests(func(uint32) []byte { return nil })
	}},
	{"CONTINUATION frames without end", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 1, 1, p.encode(request...)...))
		p.repeat(raw(http2.FrameContinuation, 0, 1))
	}},
	{"a header block without end", h2.CodeEnhanceYourCalm, func(p *peer) {
		field := p.encode("x", strings.Repeat("\xff", 16_000)) // not shorter by Huffman
		p.send(raw(http2.FrameHeaders, 1, 1, field...))
		p.repeat(raw(http2.FrameContinuation, 0, 1, p.encode("y", strings.Repeat("\xff", 16_000))...))
	}},
	{"a long string without end", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 1, 1, 0, 1, 'x', 0x7f, 0xff, 0xff, 0xff, 0x7f))
		p.repeat(raw(http2.FrameContinuation, 0, 1, make([]byte, 16_000)...))
	}},
	{"an hpack bomb", h2.CodeEnhanceYourCalm, func(p *peer) {
		block := p.encode("x", strings.Repeat("a", 3000)) // in the table now
		block = append(block, bytes.Repeat([]byte{0x80 | 62}, 8000)...)
		p.send(raw(http2.FrameHeaders, 5, 1, block...))
	}},
	{"a block that cannot be decoded", h2.CodeCompression, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 5, 1, 0x80|126))
	}},
	{"a block that ends in a field", h2.CodeCompression, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 5, 1, 0x40, 5, 'x'))
	}},
	{"a table larger than ours", h2.CodeCompression, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 5, 1, 0x3f, 0xff, 0xff, 0x03))
	}},
	{"SETTINGS", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FrameSettings, 0, 0)) }},
	{"acknowledgements", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FrameSettings, 1, 0)) }},
	{"PING", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FramePing, 0, 0, make([]byte, 8)...)) }},
	{"answers to PING", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FramePing, 1, 0, make([]byte, 8)...)) }},
	{"PRIORITY", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FramePriority, 0, 1, 0, 0, 0, 0, 1)) }},
	{"GOAWAY", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.headers(1, true, request...)
		p.repeat(raw(http2.FrameGoAway, 0, 0, make([]byte, 8)...))
	}},
	{"unknown frames", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(0xbb, 0, 0)) }},
	{"WINDOW_UPDATE of 1", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FrameWindowUpdate, 0, 0, 0, 0, 0, 1)) }},
	{"WINDOW_UPDATE of 0", h2.CodeProtocol, func(p *peer) { p.send(raw(http2.FrameWindowUpdate, 0, 0, 0, 0, 0, 0)) }},
	{"a window that overflows", h2.CodeFlowControl, func(p *peer) {
		p.must(p.framer.WriteWindowUpdate(0, 1<<31-1))
	}},
	{"windows that overflow by SETTINGS", h2.CodeFlowControl, func(p *peer) {
		p.headers(1, true, request...)
		p.must(p.framer.WriteWindowUpdate(1, 1<<31-1-65_535))
		p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65_536}))
	}},
	{"empty DATA", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.headers(1, false, request...)
		p.repeat(raw(http2.FrameData, 0, 1))
	}},
	{"DATA of padding", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.headers(1, false, request...)
		p.repeat(raw(http2.FrameData, 8, 1, 3, 0, 0, 0))
	}},
	{"more padding than DATA", h2.CodeProtocol, func(p *peer) {
		p.headers(1, false, request...)
		p.send(raw(http2.FrameData, 8, 1, 3, 0, 0))
	}},
	{"padding without a length", h2.CodeFrameSize, func(p *peer) {
		p.headers(1, false, request...)
		p.send(raw(http2.FrameData, 8, 1))
	}},
	{"HEADERS with less than its padding's length", h2.CodeFrameSize, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 5|8, 1))
	}},
	{"HEADERS with more padding than there is", h2.CodeProtocol, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 5|8, 1, 9, 0x82))
	}},
	{"a frame that is too long", h2.CodeFrameSize, func(p *peer) {
		p.send(raw(http2.FrameData, 0, 1, make([]byte, 16<<10+1)...))
	}},
	{"more than the connection's window", h2.CodeFlowControl, func(p *peer) {
		for id := uint32(1); id <= 9; id += 2 {
			p.headers(id, false, request...)
			p.send(bytes.Repeat(raw(http2.FrameData, 0, id, make([]byte, 16_000)...), 4)) // less than a stream's
		}
	}},
	{"PUSH_PROMISE", h2.CodeProtocol, func(p *peer) {
		p.headers(1, false, request...)
		p.send(raw(http2.FramePushPromise, 4, 1, 0, 0, 0, 2))
	}},
	{"another stream inside a header block", h2.CodeProtocol, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 1, 1, p.encode(request...)...))
		p.headers(3, true, request...)
	}},
	{"an even stream", h2.CodeProtocol, func(p *peer) { p.headers(2, true, request...) }},
	{"a stream that is lower than the last", h2.CodeStreamClosed, func(p *peer) {
		p.headers(5, true, request...)
		p.headers(3, true, request...)
	}},
	{"silence inside a frame", h2.CodeEnhanceYourCalm, func(p *peer) { p.send([]byte{0, 0, 8, 6}) }},
	{"silence inside a header block", h2.CodeEnhanceYourCalm, func(p *peer) {
		p.send(raw(http2.FrameHeaders, 1, 1, p.encode(request...)...))
	}},
}

// streams sends what frame returns for one stream after another.
func (p *peer) streams(frame func(id uint32) []byte) {
	for id := uint32(3); id < 2*many; {
		var piece []byte
		for range 100 {
			piece = append(piece, frame(id)...)
			id += 2
		}
		if _, err := p.conn.Write(piece); err != nil {
			return
		}
	}
}

// requests is streams that begin with a request.
func (p *peer) requests(then func(id uint32) []byte) {
	p.headers(1, true, request...)
	block := p.encode(request...) // as it is from now on
	p.streams(func(id uint32) []byte {
		return append(raw(http2.FrameHeaders, 5, id, block...), then(id)...)
	})
}

func TestAttackersAreSentAway(t *testing.T) {
	cfg := h2.Config{StreamWindow: 65_535, ConnWindow: 100_000, MaxBuffered: 200_000, FrameTimeout: 200 * time.Millisecond}
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			p, c := against(t, cfg, wait)
			sent := make(chan struct{})
			p.hostile = true
			go func() {
				defer close(sent)
				attack.run(p)
			}()
			f := p.awaitGoAway(attack.code)
			err := c.result(t)
			if e, ok := errors.AsType[*h2.ConnError](err); !ok || e.Code != attack.code || e.Reason != f.text {
				t.Errorf("Run returned %v, and GOAWAY said %q", err, f.text)
			}
			p.conn.Close()
			<-sent
		})
	}
}

func TestServersMayNotAttackClients(t *testing.T) {
	tests := []struct {
		name string
		code h2.Code
		run  func(*peer)
	}{
		{"a stream of the server's", h2.CodeProtocol, func(p *peer) { p.headers(2, false, ":status", "200") }},
		{"an answer without a question", h2.CodeProtocol, func(p *peer) { p.headers(3, false, ":status", "200") }},
		{"content without a question", h2.CodeProtocol, func(p *peer) { p.must(p.framer.WriteData(3, false, nil)) }},
		{"a reset without a question", h2.CodeProtocol, func(p *peer) { p.must(p.framer.WriteRSTStream(3, 0)) }},
		{"a window without a question", h2.CodeProtocol, func(p *peer) { p.must(p.framer.WriteWindowUpdate(3, 1)) }},
		{"PUSH_PROMISE", h2.CodeProtocol, func(p *peer) { p.send(raw(http2.FramePushPromise, 4, 1, 0, 0, 0, 2)) }},
		{"an hpack bomb", h2.CodeEnhanceYourCalm, func(p *peer) {
			block := append(p.encode("x", strings.Repeat("a", 3000)), bytes.Repeat([]byte{0x80 | 62}, 8000)...)
			p.send(raw(http2.FrameHeaders, 5, 1, block...))
		}},
		{"PING", h2.CodeEnhanceYourCalm, func(p *peer) { p.repeat(raw(http2.FramePing, 0, 0, make([]byte, 8)...)) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, c := origin(t, h2.Config{})
			s, err := c.Open(t.Context(), post("/"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p.await(http2.FrameHeaders)
			p.hostile = true
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				test.run(p)
			}()
			p.awaitGoAway(test.code)
			if _, err := s.ReadHead(t.Context()); !errors.Is(err, c.result(t)) {
				t.Errorf("the stream ended with %v", err)
			}
			p.conn.Close()
			<-sent
		})
	}
}

// TestAnswersThatNobodyReads is a peer that asks and does not read: what waits for
// it is bounded.
func TestAnswersThatNobodyReads(t *testing.T) {
	p, c := against(t, h2.Config{}, wait)
	p.headers(1, false, request...)
	// DATA keeps the budget of frames without content full.
	frames := append(raw(http2.FrameData, 0, 1, 'x'), raw(http2.FramePing, 0, 0, make([]byte, 8)...)...)
	go func() {
		for {
			if _, err := p.conn.Write(bytes.Repeat(frames, 1000)); err != nil {
				return
			}
		}
	}()
	err := c.result(t)
	if e, ok := errors.AsType[*h2.ConnError](err); !ok || e.Code != h2.CodeEnhanceYourCalm {
		t.Errorf("Run returned %v", err)
	}
}

func TestAttacksTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	p, c := against(t, h2.Config{MaxStreams: 100}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		_, _ = io.Copy(s, zeros{}) // to a peer that gives no window
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	block := p.encode(request...)
	for id := uint32(1); id < 200; id += 2 {
		p.send(raw(http2.FrameHeaders, 4, id, block...))
		p.send(raw(http2.FrameData, 0, id, make([]byte, 16<<10)...)) // which nobody reads
	}
	p.must(p.framer.WritePing(false, [8]byte{1}))
	p.await(http2.FramePing)
	runtime.GC()
	runtime.ReadMemStats(&after)
	const content, rest = 100 * 16 << 10, 4 << 20
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > content+rest {
		t.Errorf("100 streams that stall took %d bytes", grown)
	}
	p.conn.Close()
	_ = c.result(t)
}

// zeros is content without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
