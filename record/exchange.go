package record

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// Exchange returns the exchange that a line tells about, as it was when its last
// event was told: with bodies, timing, failure and what a handshake agreed on.
// The URL of a WebSocket connection has the scheme of its handshake, http or
// https, as it has live.
//
// What a recording does not say is filled in: the times of RequestDone and
// ResponseStarted come from Timing, and the request-target is that of the URL.
// Started is wall clock without a monotonic reading.
//
// Bodies in sidecars of f are opened when they are read, and not after f is
// closed. f is nil for lines that came without a file, whose sidecars cannot be
// read. What f and e have is shared and must not be changed any more.
func (e *Entry) Exchange(f *File) *traffic.Exchange {
	x := &traffic.Exchange{
		ID: traffic.ExchangeID(e.ID), Conn: traffic.ConnID(e.Conn), Started: e.At,
		Client: e.Client, Server: e.Server, TLS: e.TLS, WS: e.WS,
		Request:     e.Request.request(),
		RequestBody: e.Request.Body.body(f),
		Duration:    e.Duration, Timing: e.Timing, Failure: e.Failure, GRPC: e.GRPC, GRPCEnd: e.GRPCEnd, Rules: e.Rules, Tags: e.Tags,
	}
	if e.Type == TypeWSOpen {
		x.Request.URL = x.Request.URL.Handshake()
	}
	if r := e.Response; r != nil {
		x.Response, x.ResponseBody = r.response(), r.Body.body(f)
		for i := range r.Informational {
			x.Informational = append(x.Informational, r.Informational[i].response())
		}
	}
	if e.Sent != nil {
		x.Sent, x.SentBody = e.Sent.request(), e.Sent.Body.body(f)
	}
	if e.Received != nil {
		x.Received, x.ReceivedBody = e.Received.response(), e.Received.Body.body(f)
	}
	setMilestones(x, e.Type != TypePending)
	return x
}

// setMilestones fills in when request and response were there, -1 for what never
// was. over says that the exchange had ended.
func setMilestones(x *traffic.Exchange, over bool) {
	x.RequestDone, x.ResponseStarted = -1, -1
	t := x.Timing
	if x.Response != nil {
		x.ResponseStarted = max(0, x.Duration-max(0, t.Receive))
		x.RequestDone = max(0, x.ResponseStarted-max(0, t.Wait))
	} else if t.Send >= 0 {
		x.RequestDone = min(x.Duration, max(0, t.Blocked)+max(0, t.DNS)+max(0, t.Connect)+max(0, t.TLS)+t.Send)
	}
	if !over {
		return
	}
	switch length, announced := announcedLength(x.Request.Header); {
	case !announced && x.RequestBody == nil:
		x.RequestDone = max(0, x.RequestDone) // there was only a head
	case x.Response == nil && length > 0 && (x.RequestBody == nil || x.RequestBody.Size() < length):
		x.RequestDone = -1 // the client has left inside it
	}
}

// announcedLength returns the length of a request's content as its header says, 0
// if it ends by itself, and false if there is to be none.
func announcedLength(header traffic.Fields) (length int64, announced bool) {
	if header.Has("Transfer-Encoding") {
		return 0, true
	}
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	return length, err == nil && length > 0
}

func (r *EntryRequest) request() *traffic.Request {
	u := recordedURL(r.URL)
	target := u.Target
	if target == "" {
		target = u.Authority // of CONNECT (RFC 9112 section 3.2.3)
	}
	return &traffic.Request{
		Method: r.Method, Target: target, URL: u, Proto: r.Proto,
		Header: r.Header, Length: r.Body.length(), Trailer: r.Trailer,
	}
}

func (r *EntryResponse) response() *traffic.Response {
	return &traffic.Response{
		Status: r.Status, Reason: r.Reason, Proto: r.Proto,
		Header: r.Header, Length: r.Body.length(), Trailer: r.Trailer, Source: r.Source,
	}
}

// recordedURL is the inverse of what the encoder writes. Other than
// traffic.ParseURL it takes anything: what was recorded is no longer to be judged.
// A URL without an authority, which other tools record, is all Target.
func recordedURL(s string) traffic.URL {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return traffic.URL{Target: s}
	}
	u := traffic.URL{Scheme: scheme, Authority: rest}
	if i := strings.IndexAny(rest, "/?*#"); i >= 0 {
		u.Authority, u.Target = rest[:i], rest[i:]
	}
	return u
}

// length returns how many bytes passed, 0 for no content.
func (b *EntryBody) length() int64 {
	switch {
	case b == nil:
		return 0
	case b.Coding != "":
		return b.WireSize
	}
	return b.Size
}

// body returns the content as a traffic.Body, nil for none.
func (b *EntryBody) body(f *File) *traffic.Body {
	if b == nil {
		return nil
	}
	s := traffic.Stored{Size: b.length(), Truncated: b.Truncated, Chunks: b.Chunks, Content: b.Inline}
	if b.Coding != "" {
		s.Codings, s.DecodedSize = b.Coding, b.Size
	}
	if b.File != "" {
		s.Open = func() (traffic.StoredContent, error) { return f.openStored(b) }
	}
	return traffic.StoredBody(s)
}

func (f *File) openStored(b *EntryBody) (traffic.StoredContent, error) {
	if f == nil {
		return nil, errNoFolder(b)
	}
	file, err := f.openSidecar(b)
	if err != nil {
		return nil, fmt.Errorf("open body %.80q of %s: %w", b.File, f.path, err)
	}
	return file, nil
}

// Frame returns the frame that a line tells about, of the connection that x
// opened; x may be nil if nobody looks at it. Both times are At. Payload and
// Original have what is in the line: they are nil if the content is in a sidecar,
// which [File.ReadFrame] reads.
func (f *FrameEntry) Frame(x *traffic.Exchange) *traffic.Frame {
	hash, err := hex.DecodeString(f.SHA256)
	if err != nil {
		hash = nil
	}
	frame := &traffic.Frame{
		Exchange: x, Seq: f.N, First: f.At, Last: f.At,
		Dir: f.Dir, Opcode: f.Opcode, Fin: f.Fin, RSV: f.RSV, Masked: f.Masked,
		Length: f.Length, Payload: f.Body.Inline, Size: f.Body.Size, Truncated: f.Body.Truncated,
		Inflated: f.Decoded, SHA256: hash, Anomalies: f.Anomalies,
		Injected: f.Injected, Dropped: f.Dropped, Edited: f.Edited, Rules: f.Rules,
	}
	if f.Original != nil {
		frame.Original = f.Original.Inline
	}
	return frame
}

// ReadFrame is [FrameEntry.Frame] with all of the content in memory, also what is
// in a sidecar: as much as was captured of one frame.
func (f *File) ReadFrame(e *FrameEntry, x *traffic.Exchange) (*traffic.Frame, error) {
	frame := e.Frame(x)
	var err error
	if frame.Payload, err = f.readBody(&e.Body); err != nil {
		return nil, err
	}
	if e.Original != nil {
		if frame.Original, err = f.readBody(e.Original); err != nil {
			return nil, err
		}
	}
	return frame, nil
}

// readBody reads all of a body.
func (f *File) readBody(b *EntryBody) ([]byte, error) {
	if b.File == "" {
		return b.Inline, nil
	}
	r, err := f.OpenBody(b)
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	_, err = io.Copy(&content, r)
	_ = r.Close() // it was only read
	if err != nil {
		return nil, fmt.Errorf("read body %.80q of %s: %w", b.File, f.path, err)
	}
	return content.Bytes(), nil
}
