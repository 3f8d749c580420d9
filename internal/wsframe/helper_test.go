package wsframe_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	kflate "github.com/klauspost/compress/flate"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// epoch is when the tests' first bytes arrive.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// parsed is a frame as a Parser finds it.
type parsed struct {
	Header      wsframe.Header
	Payload     []byte
	First, Last time.Time
	Complete    bool
}

// equal is for comparisons too many for cmp.Equal.
func (f parsed) equal(g parsed) bool {
	return f.Header == g.Header && bytes.Equal(f.Payload, g.Payload) &&
		f.First.Equal(g.First) && f.Last.Equal(g.Last) && f.Complete == g.Complete
}

// parsedFrames is a Sink that keeps everything.
type parsedFrames []parsed

func (fs *parsedFrames) Header(h wsframe.Header, at time.Time) {
	*fs = append(*fs, parsed{Header: h, First: at})
}

func (fs *parsedFrames) Payload(p []byte) {
	f := &(*fs)[len(*fs)-1]
	f.Payload = append(f.Payload, p...)
}

func (fs *parsedFrames) End(at time.Time) {
	f := &(*fs)[len(*fs)-1]
	f.Last, f.Complete = at, true
}

// decoded is a frame as a Decoder understands it.
type decoded struct {
	Opcode    uint8
	Content   string
	Anomalies wsframe.Anomaly
	Inflated  bool
	Failed    bool
	Code      int
	Reason    string
}

// decodedFrames is a Handler that keeps everything.
type decodedFrames []decoded

func (fs *decodedFrames) FrameStart(h wsframe.Header, _ time.Time) {
	*fs = append(*fs, decoded{Opcode: h.Opcode})
}

func (fs *decodedFrames) FrameContent(p []byte) { (*fs)[len(*fs)-1].Content += string(p) }

func (fs *decodedFrames) FrameEnd(end wsframe.FrameEnd) {
	f := &(*fs)[len(*fs)-1]
	f.Anomalies, f.Inflated, f.Failed = end.Anomalies, end.Inflated, end.Err != nil
	f.Code, f.Reason = end.CloseCode, end.CloseReason
}

// decode feeds wire in pieces of at most n bytes and returns what was found.
func decode(dir traffic.Direction, ext wsframe.Extensions, wire []byte, n int) []decoded {
	var frames decodedFrames
	var parser wsframe.Parser
	decoder := wsframe.NewDecoder(dir, ext, &frames)
	defer decoder.Release()
	for len(wire) > 0 {
		piece := bytes.Clone(wire[:min(n, len(wire))])
		if parser.Feed(piece, epoch, decoder) != nil {
			break
		}
		clear(piece) // nobody may have kept it
		wire = wire[min(n, len(wire)):]
	}
	return frames
}

// frame returns a frame of the server, whose payload is payload.
func frame(b0 byte, payload string) []byte {
	h := wsframe.Header{Fin: b0&0x80 != 0, RSV: b0 >> 4 & 7, Opcode: b0 & 15}
	return wsframe.AppendFrame(nil, h, []byte(payload))
}

// deflated is how peers compress: one writer for all messages, or one for each,
// and a flush at the end of each message.
type deflated struct {
	takeover bool
	window   int // in bytes; 0 is the compressor's own choice
	buf      bytes.Buffer
	w        flushWriter
}

type flushWriter interface {
	io.Writer
	Flush() error
}

// compress returns the payload of a compressed message.
func (d *deflated) compress(tb testing.TB, message string) string {
	tb.Helper()
	d.buf.Reset()
	if d.w == nil || !d.takeover {
		d.w = d.writer(tb)
	}
	if _, err := d.w.Write([]byte(message)); err != nil {
		tb.Fatal(err)
	}
	if err := d.w.Flush(); err != nil {
		tb.Fatal(err)
	}
	return string(bytes.TrimSuffix(d.buf.Bytes(), []byte("\x00\x00\xff\xff")))
}

// writer returns a new writer into buf. Only the library has small windows.
func (d *deflated) writer(tb testing.TB) flushWriter {
	tb.Helper()
	if d.window > 0 {
		w, err := kflate.NewWriterWindow(&d.buf, d.window)
		if err != nil {
			tb.Fatal(err)
		}
		return w
	}
	w, err := flate.NewWriter(&d.buf, flate.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// buffer is an Appender that keeps at most limit bytes, all if limit is 0.
type buffer struct {
	limit int
	kept  []byte
	size  int64
}

func (b *buffer) Append(p []byte) {
	b.size += int64(len(p))
	if b.limit > 0 {
		p = p[:min(len(p), b.limit-len(b.kept))]
	}
	b.kept = append(b.kept, p...)
}

// unhex decodes bytes written in hexadecimal with white space between them.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	p, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
