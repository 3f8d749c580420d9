package record

import (
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

// FrameEntry is a frame of a WebSocket connection as a recording has it: a
// ws.frame line. Secrets are redacted if the recording is.
type FrameEntry struct {
	// Seq is the number of the line, ID that of the exchange whose ws.open line
	// opened the connection, N that of the frame in its connection, over both
	// directions; all from 1.
	Seq, ID, N uint64
	// At is when the frame had been read, wall clock, UTC, in microseconds.
	At time.Time
	// Offset is the time from the start of the session to At, monotonic, in
	// microseconds.
	Offset time.Duration
	Dir    traffic.Direction
	Opcode traffic.Opcode
	Fin    bool
	// RSV has the reserved bits: 4 for RSV1, 2 for RSV2, 1 for RSV3.
	RSV uint8
	// Masked says that the payload was masked on the wire; Body never is.
	Masked bool
	// Length is the length of the payload on the wire in bytes.
	Length int64
	// Body is the content: unmasked, and inflated if Decoded. [File.OpenBody]
	// reads it. It has neither Coding nor Chunks.
	Body EntryBody
	// Decoded means that the content is not the payload as it was on the wire:
	// it was inflated, has marks in place of secrets, or is Truncated. A frame
	// of a compressed message that could not be inflated is not Decoded.
	Decoded bool
	// SHA256 is the hash of the whole content in hex if Body is Truncated.
	SHA256 string
	// Anomalies say what RFC 6455 or RFC 7692 forbid about the frame.
	Anomalies []string
	// Injected, Dropped and Edited say what rules did with the frame, and Rules
	// which.
	Injected, Dropped, Edited bool
	Rules                     []string
	// Original is the content before it was Edited, nil for other frames. It has
	// neither Coding nor Chunks.
	Original *EntryBody
}

// CloseEntry is the end of a WebSocket connection as a recording has it: a
// ws.close line.
type CloseEntry struct {
	// Seq is the number of the line, ID that of the exchange whose ws.open line
	// opened the connection.
	Seq, ID uint64
	// At and Offset are when the connection ended, as those of a FrameEntry.
	At     time.Time
	Offset time.Duration
	// WSClose says how it ended; Duration is in tenths of a millisecond.
	traffic.WSClose
}

// ParseFrame reads a ws.frame line, which it does not keep. Members it does not
// know are ignored.
func ParseFrame(raw []byte) (*FrameEntry, error) {
	var f *FrameEntry
	err := parseLine(raw, TypeWSFrame, func(p *parser, line gjson.Result) { f = p.frame(line) })
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ParseWSClose reads a ws.close line, which it does not keep. Members it does not
// know are ignored.
func ParseWSClose(raw []byte) (*CloseEntry, error) {
	var c *CloseEntry
	err := parseLine(raw, TypeWSClose, func(p *parser, line gjson.Result) { c = p.close(line) })
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (p *parser) frame(line gjson.Result) *FrameEntry {
	f := &FrameEntry{}
	to := place{seq: &f.Seq, id: &f.ID, at: &f.At, offset: &f.Offset}
	hasMask, size := false, int64(0)
	line.ForEach(func(key, value gjson.Result) bool {
		if p.start(to, key.Str, value) {
			return true
		}
		switch key.Str {
		case "n":
			f.N = value.Uint()
		case "dir":
			f.Dir = p.direction(value)
		case "opcode":
			f.Opcode = traffic.Opcode(p.bits("opcode", value, 4))
		case "fin":
			f.Fin = value.Bool()
		case "rsv":
			f.RSV = p.bits("rsv", value, 3)
		case "masked":
			f.Masked, hasMask = value.Bool(), true
		case "length":
			f.Length = p.size("length", value)
		case "size":
			size, f.Decoded = p.size("size", value), true
		default:
			p.payload(f, key.Str, value)
		}
		return true
	})
	if !hasMask {
		f.Masked = masked(f.Dir)
	}
	if f.Body.Size = f.Length; f.Decoded {
		f.Body.Size = size
	}
	return f
}

// payload reads a member that has the content of a frame or says something
// about it.
func (p *parser) payload(f *FrameEntry, key string, value gjson.Result) {
	switch key {
	case "text":
		f.Body.Inline = []byte(value.String())
	case "base64":
		f.Body.Inline = p.base64(value)
	case "file":
		f.Body.File = value.String()
	case "truncated":
		f.Body.Truncated = value.Bool()
	case "sha256":
		if hash, err := hex.DecodeString(value.String()); err == nil {
			f.SHA256 = hex.EncodeToString(hash)
		}
	case "anomalies":
		f.Anomalies = stringsOf(value)
	case "injected":
		f.Injected = value.Bool()
	case "dropped":
		f.Dropped = value.Bool()
	case "edited":
		f.Edited = value.Bool()
	case "rules":
		f.Rules = stringsOf(value)
	case "original":
		f.Original = p.body(nil, value)
	}
}

func (p *parser) close(line gjson.Result) *CloseEntry {
	c := &CloseEntry{}
	to := place{seq: &c.Seq, id: &c.ID, at: &c.At, offset: &c.Offset}
	line.ForEach(func(key, value gjson.Result) bool {
		if p.start(to, key.Str, value) {
			return true
		}
		switch key.Str {
		case "code":
			c.Code = int(p.size("code", value))
		case "reason":
			c.Reason = value.String()
		case "by":
			if c.By = traffic.Side(value.String()); c.By == bySideServer {
				c.By = traffic.SideUpstream
			}
		case "cause":
			c.Cause = value.String()
		case "frames":
			for dir := range c.Frames {
				c.Frames[dir] = value.Get(traffic.Direction(dir).String()).Uint()
			}
		case "ms":
			c.Duration = p.millis("ms", value)
		}
		return true
	})
	return c
}

// agreed reads what a handshake agreed on.
func (p *parser) agreed(line gjson.Result) *traffic.WebSocket {
	ws := &traffic.WebSocket{
		Subprotocol: line.Get("subprotocol").String(),
		Opaque:      line.Get("opaque").Bool(),
		Via:         line.Get("via").String(),
	}
	deflate := line.Get("deflate")
	for dir := range ws.Deflate {
		ws.Deflate[dir] = p.deflate(deflate.Get(traffic.Direction(dir).String()))
	}
	return ws
}

func (p *parser) deflate(value gjson.Result) traffic.Deflate {
	d := traffic.Deflate(value.String())
	switch d {
	case traffic.DeflateOff, traffic.DeflateTakeover, traffic.DeflateNoTakeover:
	default:
		p.fail("deflate: unknown use %.40q", d)
	}
	return d
}

func (p *parser) direction(value gjson.Result) traffic.Direction {
	for _, dir := range [...]traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		if value.String() == dir.String() {
			return dir
		}
	}
	p.fail("dir: %.40q is not a direction", value.Raw)
	return traffic.ClientToServer
}

// bits reads a number of so many bits.
func (p *parser) bits(name string, value gjson.Result, n int) uint8 {
	bits := p.size(name, value)
	if bits >= 1<<n {
		p.fail("%s: %.40q is out of range", name, value.Raw)
		return 0
	}
	return uint8(bits)
}

func (p *parser) base64(value gjson.Result) []byte {
	content, err := base64.StdEncoding.DecodeString(value.String())
	if err != nil {
		p.fail("body: %w", err)
	}
	return content
}
