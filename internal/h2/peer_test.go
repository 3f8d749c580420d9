package h2_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/necto-dev/necto/internal/h2"
)

// peer is the other side of a connection, which may send what it likes. One
// goroutine may read from it and one write to it.
type peer struct {
	t      testing.TB
	conn   net.Conn
	framer *http2.Framer
	block  bytes.Buffer
	enc    *hpack.Encoder
	got    []frame // all that has come
	// hostile means that the other side may be gone before all is sent.
	hostile bool
}

// frame is what tests look at of one.
type frame struct {
	kind   http2.FrameType
	stream uint32
	flags  http2.Flags
	code   h2.Code // of RST_STREAM and GOAWAY
	value  uint32  // increment of WINDOW_UPDATE, last stream of GOAWAY
	text   string  // content of DATA, debug data of GOAWAY
	fields []hpack.HeaderField
}

// newPeer returns a peer that has sent what a connection begins with.
func newPeer(t testing.TB, conn net.Conn, client bool, settings ...http2.Setting) *peer {
	t.Helper()
	p := &peer{t: t, conn: conn, framer: http2.NewFramer(conn, conn)}
	p.framer.AllowIllegalWrites = true
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.enc = hpack.NewEncoder(&p.block)
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if client {
		p.send([]byte(http2.ClientPreface))
	}
	p.must(p.framer.WriteSettings(settings...))
	return p
}

// against returns a peer of a server that runs.
func against(t testing.TB, cfg h2.Config, handle func(*h2.Stream)) (*peer, *running) {
	t.Helper()
	ours, theirs := connect(t)
	c := run(t, h2.Server(ours, cfg, handle))
	p := newPeer(t, theirs, true)
	p.must(p.framer.WriteSettingsAck())
	return p, c
}

// origin returns a peer of a client that runs.
func origin(t testing.TB, cfg h2.Config, settings ...http2.Setting) (*peer, *running) {
	t.Helper()
	ours, theirs := connect(t)
	c := run(t, h2.Client(ours, cfg))
	p := newPeer(t, theirs, false, settings...)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(theirs, preface); err != nil || string(preface) != http2.ClientPreface {
		t.Fatalf("preface %q, %v", preface, err)
	}
	p.must(p.framer.WriteSettingsAck())
	return p, c
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil && !p.hostile {
		p.t.Error(err)
	}
}

func (p *peer) send(raw []byte) {
	p.t.Helper()
	_, err := p.conn.Write(raw)
	p.must(err)
}

// encode returns names and values in turn as a header block.
func (p *peer) encode(namesAndValues ...string) []byte {
	p.block.Reset()
	for pair := range slices.Chunk(namesAndValues, 2) {
		p.must(p.enc.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]}))
	}
	return bytes.Clone(p.block.Bytes())
}

// request has the pseudo-fields of a GET.
var request = []string{":method", "GET", ":scheme", "http", ":authority", "example.test", ":path", "/"}

// headers sends a HEADERS frame.
func (p *peer) headers(stream uint32, end bool, namesAndValues ...string) {
	p.t.Helper()
	p.must(p.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: p.encode(namesAndValues...), EndStream: end, EndHeaders: true,
	}))
}

// next returns the next frame.
func (p *peer) next() (frame, error) {
	f, err := p.framer.ReadFrame()
	if err != nil {
		return frame{}, err
	}
	got := frame{kind: f.Header().Type, stream: f.Header().StreamID, flags: f.Header().Flags}
	switch f := f.(type) {
	case *http2.RSTStreamFrame:
		got.code = f.ErrCode
	case *http2.GoAwayFrame:
		got.code, got.value, got.text = f.ErrCode, f.LastStreamID, string(f.DebugData())
	case *http2.WindowUpdateFrame:
		got.value = f.Increment
	case *http2.DataFrame:
		got.text = string(f.Data())
	case *http2.MetaHeadersFrame:
		got.fields = slices.Clone(f.Fields)
	}
	p.got = append(p.got, got)
	return got, nil
}

// await returns the next frame of a kind.
func (p *peer) await(kind http2.FrameType) frame {
	p.t.Helper()
	for {
		f, err := p.next()
		if err != nil {
			p.t.Fatalf("no %v: %v; got %v", kind, err, p.got)
		}
		if f.kind == kind {
			return f
		}
	}
}

// awaitReset returns the next RST_STREAM, and fails the test if it has not code.
func (p *peer) awaitReset(stream uint32, code h2.Code) {
	p.t.Helper()
	if f := p.await(http2.FrameRSTStream); f.stream != stream || f.code != code {
		p.t.Errorf("RST_STREAM of stream %d with %v, want %d with %v", f.stream, f.code, stream, code)
	}
}

// awaitGoAway reads to the end of the connection and closes it. It fails the test
// if there was no GOAWAY with code.
func (p *peer) awaitGoAway(code h2.Code) frame {
	p.t.Helper()
	f := p.await(http2.FrameGoAway)
	if f.code != code {
		p.t.Errorf("GOAWAY with %v (%s), want %v", f.code, f.text, code)
	}
	for {
		if _, err := p.next(); err != nil {
			if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
				p.t.Error("the connection was not closed")
			}
			p.conn.Close()
			return f
		}
	}
}

// sync waits until all that was sent has been looked at. It returns the frames
// that came meanwhile.
func (p *peer) sync() []frame {
	p.t.Helper()
	before := len(p.got)
	p.must(p.framer.WritePing(false, [8]byte{'s'}))
	p.await(http2.FramePing)
	return p.got[before : len(p.got)-1]
}

// wait is a handler that does nothing until its stream ends.
func wait(s *h2.Stream) { <-s.Context().Done() }
