package replay

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// conversation is a recorded WebSocket connection. After Load it does not
// change.
type conversation struct {
	id     uint64
	file   *record.File
	name   string // of the recording, "" if only one is loaded
	frames []frame
	// messages counts those of the client.
	messages int
	// sound is how many frames there are up to the end of the last whole message
	// of the server: what can be sent again and again.
	sound int
	// closeCode is that of the ws.close line, 0 without one.
	closeCode int
	// deflate says that frames of the server with RSV1 were compressed.
	deflate bool
	// fault says why the conversation cannot be served, "" if it can.
	fault string

	groups groups // for WSMatch
}

// frame is what is kept of a recorded frame: 16 bytes, all else is on disk. Only
// what matters to a conversation has one: frames of the server, but for pongs
// and close frames that answer the client's, and data frames of the client.
type frame struct {
	// where has the offset of the line in bytes, above frameBits.
	where  uint64
	length uint32 // of the line, in bytes
	delta  uint32 // microseconds since the frame before it, or the handshake
}

// The low bits of frame.where, above the opcode.
const (
	opcodeBits     = 0x0f
	finBit         = 0x10
	serverBit      = 0x20
	truncatedBit   = 0x40
	frameBits      = 8
	maxFrameOffset = 1 << (64 - frameBits)
	maxFrameLine   = math.MaxUint32
	maxFrameDelta  = math.MaxUint32 // over an hour: longer silences are cut
)

// label names the conversation for people.
func (c *conversation) label() string { return c.name + "#" + strconv.FormatUint(c.id, 10) }

func (f frame) offset() int64        { return int64(f.where >> frameBits) }
func (f frame) opcode() uint8        { return uint8(f.where & opcodeBits) }
func (f frame) fin() bool            { return f.where&finBit != 0 }
func (f frame) fromServer() bool     { return f.where&serverBit != 0 }
func (f frame) truncated() bool      { return f.where&truncatedBit != 0 }
func (f frame) after() time.Duration { return time.Duration(f.delta) * time.Microsecond }

// read reads the line of a frame.
func (f frame) read(file *record.File) (*record.FrameEntry, error) {
	raw, err := file.ReadLine(f.offset(), int(f.length))
	if err != nil {
		return nil, err
	}
	return record.ParseFrame(raw)
}

// endsTurn reports whether a message of the client ends with the frame.
func (f frame) endsTurn() bool { return !f.fromServer() && f.fin() }

// hearing is a conversation whose lines are being read.
type hearing struct {
	*conversation
	last         int64 // microseconds of the last frame kept
	pings        int   // of the client that were not answered
	open         bool  // a message of the server has begun and not ended
	clientClosed bool
	serverClosed bool
}

// opened begins the conversation of a ws.open line.
func (l *loader) opened(n int, line record.Line) (row, error) {
	entry, err := record.ParseEntry(line.Raw)
	if err != nil {
		return row{}, err
	}
	u, err := parseURL(entry.Request.URL)
	if err != nil {
		l.opts.Log.Warn("recorded request has no usable URL", "exchange", line.ID, "err", err)
		return row{state: failed}, nil
	}
	c := &conversation{
		id:      line.ID,
		file:    l.files[n],
		fault:   handshakeFault(entry),
		deflate: entry.WS.Deflate[traffic.ServerToClient] != traffic.DeflateOff,
	}
	if len(l.files) > 1 {
		c.name = l.names[n]
	}
	l.conversations[positionOf(n, line.Offset)] = c
	l.hearings[line.ID] = &hearing{conversation: c, last: entry.Offset.Microseconds()}
	return row{
		key:    handshakeKey(u.Target, &l.learning).at(l.place(u)),
		nearby: nearbyOf(u.Target),
		start:  entry.Offset.Microseconds(),
		state:  upgraded,
	}, nil
}

// handshakeFault says why a recorded handshake cannot be repeated, "" if it can.
func handshakeFault(entry *record.Entry) string {
	switch {
	case entry.Response == nil || entry.Response.Status != 101:
		return "has no 101"
	case entry.WS.Opaque:
		return "agreed on an unknown extension"
	}
	if err := checkHeads(entry.Response); err != nil {
		return err.Error()
	}
	return ""
}

// frame adds a ws.frame line to its conversation. It reads no more of it than it
// keeps.
func (l *loader) frame(line record.Line) error {
	h := l.hearings[line.ID]
	if h == nil {
		return nil // its ws.open was cut off, or is of no use
	}
	if line.Offset >= maxFrameOffset || uint64(line.Length) > maxFrameLine {
		return fmt.Errorf("%d bytes at offset %d are too far", line.Length, line.Offset)
	}
	head := parseFrameHead(line.Raw)
	f := frame{where: uint64(line.Offset)<<frameBits | head.opcode&opcodeBits, length: uint32(line.Length)}
	if head.dir == traffic.ServerToClient.String() {
		f.where |= serverBit
	}
	if head.fin {
		f.where |= finBit
	}
	if hasMember(line.Raw, `,"truncated":true`) {
		f.where |= truncatedBit
	}
	if !h.matters(f, line.Raw) {
		return nil
	}
	if f.fromServer() {
		h.judge(f, head.number, head.rsv&uint64(wsframe.RSV1) != 0 && !hasMember(line.Raw, `,"size":`))
	}
	f.delta = uint32(min(max(0, head.us-h.last), maxFrameDelta))
	h.last = max(h.last, head.us)
	h.add(f)
	return nil
}

// frameHead is what matters of a ws.frame line beside its payload.
type frameHead struct {
	us                  int64
	number, opcode, rsv uint64
	dir                 string
	fin                 bool
}

// parseFrameHead reads what comes before the payload of a line, where our own
// lines have all that matters, or the whole line if that is not so.
func parseFrameHead(raw []byte) frameHead {
	before, rest, _ := bytes.Cut(raw, []byte(`,"length":`))
	if h, seen := parseFrameMembers(before); seen == 4 && !hasMember(rest, `,"rsv":`) {
		return h
	}
	h, _ := parseFrameMembers(raw)
	return h
}

// parseFrameMembers reads members, and counts those that every frame has.
func parseFrameMembers(raw []byte) (h frameHead, seen int) {
	gjson.ParseBytes(raw).ForEach(func(name, value gjson.Result) bool {
		seen++
		switch name.Str {
		case "us":
			h.us = value.Int()
		case "dir":
			h.dir = value.Str
		case "opcode":
			h.opcode = value.Uint()
		case "fin":
			h.fin = value.Bool()
		default:
			seen--
			h.option(name.Str, value)
		}
		return true
	})
	return h, seen
}

func (h *frameHead) option(name string, value gjson.Result) {
	switch name {
	case "n":
		h.number = value.Uint()
	case "rsv":
		h.rsv = value.Uint()
	}
}

// hasMember reports whether a line has a member, written with the comma before
// it, which no text in a line can contain: quotes in it are escaped.
func hasMember(raw []byte, member string) bool { return bytes.Contains(raw, []byte(member)) }

// matters reports whether a frame is kept, and follows pings and closes.
func (h *hearing) matters(f frame, raw []byte) bool {
	if f.fromServer() {
		switch f.opcode() {
		case wsframe.OpPong:
			if h.pings > 0 { // live pings are answered as they come
				h.pings--
				return false
			}
		case wsframe.OpClose:
			if h.clientClosed || h.serverClosed {
				return false
			}
			h.serverClosed = true
		}
		return !hasMember(raw, `,"dropped":true`)
	}
	switch f.opcode() {
	case wsframe.OpPing:
		h.pings++
	case wsframe.OpClose:
		h.clientClosed = true
	}
	return f.opcode() <= wsframe.OpBinary && !hasMember(raw, `,"injected":true`)
}

// judge notes what cannot be served of a frame of the server.
func (h *hearing) judge(f frame, number uint64, undecoded bool) {
	switch {
	case h.fault != "":
	case f.truncated():
		h.fault = fmt.Sprintf("has frame %d truncated", number)
	case undecoded && h.deflate && f.opcode() <= wsframe.OpBinary:
		h.fault = fmt.Sprintf("has frame %d still compressed", number)
	}
}

// add appends a frame.
func (h *hearing) add(f frame) {
	h.frames = append(h.frames, f)
	if f.endsTurn() {
		h.messages++
	}
	if f.fromServer() && f.opcode() <= wsframe.OpBinary {
		h.open = !f.fin()
	}
	if !h.open {
		h.sound = len(h.frames)
	}
}

// closed notes the ws.close line of a conversation.
func (l *loader) closed(line record.Line) error {
	h := l.hearings[line.ID]
	if h == nil {
		return nil
	}
	end, err := record.ParseWSClose(line.Raw)
	if err != nil {
		return err
	}
	h.closeCode = end.Code
	h.settle()
	delete(l.hearings, line.ID)
	return nil
}

// settle gives back what the frames' array has too much.
func (c *conversation) settle() { c.frames = append([]frame(nil), c.frames...) }
