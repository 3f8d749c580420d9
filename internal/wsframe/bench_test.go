package wsframe_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// ignoring is a Handler that does nothing.
type ignoring struct{}

func (ignoring) FrameStart(wsframe.Header, time.Time) {}
func (ignoring) FrameContent([]byte)                  {}
func (ignoring) FrameEnd(wsframe.FrameEnd)            {}

var sizes = []struct {
	name  string
	bytes int
}{{"128B", 128}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}}

// BenchmarkTap is what a relay pays per frame for looking at it.
func BenchmarkTap(b *testing.B) {
	for _, size := range sizes {
		for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
			h := wsframe.Header{Fin: true, Opcode: wsframe.OpBinary, Masked: dir == traffic.ClientToServer, Key: rfcKey}
			wire := wsframe.AppendFrame(nil, h, make([]byte, size.bytes))
			b.Run(fmt.Sprintf("%s/%s", size.name, dir), func(b *testing.B) {
				var parser wsframe.Parser
				decoder := wsframe.NewDecoder(dir, wsframe.Extensions{}, ignoring{})
				b.SetBytes(int64(len(wire)))
				b.ReportAllocs()
				for b.Loop() {
					_ = parser.Feed(wire, epoch, decoder)
				}
			})
		}
	}
}

// BenchmarkCopy is what BenchmarkTap is to be compared with.
func BenchmarkCopy(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			src, dst := make([]byte, size.bytes), make([]byte, size.bytes)
			b.SetBytes(int64(size.bytes))
			b.ReportAllocs()
			for b.Loop() {
				copy(dst, src)
			}
		})
	}
}

// BenchmarkRelay passes masked frames of 64 KiB from one loopback connection to
// the next, without a tap and with one.
func BenchmarkRelay(b *testing.B) {
	h := wsframe.Header{Fin: true, Opcode: wsframe.OpBinary, Masked: true, Key: rfcKey}
	wire := wsframe.AppendFrame(nil, h, make([]byte, 64<<10))
	for _, tapped := range []bool{false, true} {
		b.Run(fmt.Sprintf("tapped=%v", tapped), func(b *testing.B) {
			client, in := connection(b)
			out, server := connection(b)
			buf, sunk := make([]byte, 128<<10), make([]byte, len(wire))
			var parser wsframe.Parser
			decoder := wsframe.NewDecoder(traffic.ClientToServer, wsframe.Extensions{}, ignoring{})
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				client.Write(wire)
				io.ReadFull(in, buf[:len(wire)])
				out.Write(buf[:len(wire)])
				if tapped {
					_ = parser.Feed(buf[:len(wire)], epoch, decoder)
				}
				io.ReadFull(server, sunk)
			}
		})
	}
}

// connection returns both ends of a loopback connection that takes a frame of
// 64 KiB without being read.
func connection(b *testing.B) (near, far net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close(); far.Close() })
	near.(*net.TCPConn).SetWriteBuffer(1 << 20)
	far.(*net.TCPConn).SetReadBuffer(1 << 20)
	return near, far
}

func BenchmarkTextCheck(b *testing.B) {
	wire := frame(0x81, strings.Repeat("text with an \u00e9 now and then, ", 40))
	var parser wsframe.Parser
	decoder := wsframe.NewDecoder(traffic.ServerToClient, wsframe.Extensions{}, ignoring{})
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		_ = parser.Feed(wire, epoch, decoder)
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := make([]byte, size.bytes)
			b.SetBytes(int64(size.bytes))
			b.ReportAllocs()
			for b.Loop() {
				wsframe.Mask(rfcKey, 1, p)
			}
		})
	}
}

// BenchmarkInflate inflates JSON messages of 90 bytes with a full window.
func BenchmarkInflate(b *testing.B) {
	for _, withTakeover := range []bool{true, false} {
		for _, pieces := range []int{1, 2} {
			b.Run(fmt.Sprintf("takeover=%v/pieces=%d", withTakeover, pieces), func(b *testing.B) {
				f := wsframe.NewInflater(withTakeover)
				peer := deflated{takeover: withTakeover}
				var payloads [][]byte
				for i := range 2000 {
					m := fmt.Sprintf(`{"type":"message","room":"general","seq":%07d,"text":"hello %029x"}`, i, i*i)
					payloads = append(payloads, []byte(peer.compress(b, m)))
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i = (i + 1) % len(payloads) {
					if i == 0 { // the first message does not follow on the last
						f = wsframe.NewInflater(withTakeover)
					}
					p := payloads[i]
					if pieces == 2 {
						_ = f.Write(p[:5], false, new(discard))
						p = p[5:]
					}
					if err := f.Write(p, true, new(discard)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDeflate(b *testing.B) {
	message := bytes.Repeat([]byte(`{"type":"message","room":"general"},`), 40)
	out := make([]byte, 0, len(message))
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = wsframe.AppendDeflate(out[:0], message, wsframe.Compression{WindowBits: 15})
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	h := wsframe.Header{Fin: true, Opcode: wsframe.OpText, Masked: true, Key: rfcKey}
	payload := make([]byte, 128)
	dst := make([]byte, 0, 256)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		dst = wsframe.AppendFrame(dst[:0], h, payload)
	}
}
