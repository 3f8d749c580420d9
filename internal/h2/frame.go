package h2

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

const (
	// preface is what a client sends first (RFC 9113 section 3.4).
	preface = http2.ClientPreface
	// frameHeaderLen is the length of what every frame begins with, and frameFlags
	// where its flags are.
	frameHeaderLen, frameFlags = 9, 4
	// defaultFrameSize is the largest payload a peer takes that has not said
	// otherwise, and the largest one we take (RFC 9113 section 4.2).
	defaultFrameSize = 16 << 10
	// defaultWindow is the size of windows that nobody has changed (RFC 9113
	// section 6.9.2), and maxWindow the largest.
	defaultWindow = 65_535
	maxWindow     = 1<<31 - 1
	// defaultTableSize is the size of the tables of HPACK, which we leave as it
	// is: more of it is memory that a peer can make us take.
	defaultTableSize = 4096
)

// The functions below append frames to dst. The Framer of x/net has all of them
// too, but copies what it writes once more.

// appendFrame appends the header of a frame with n bytes of payload.
func appendFrame(dst []byte, t http2.FrameType, flags http2.Flags, stream uint32, n int) []byte {
	dst = append(dst, byte(n>>16), byte(n>>8), byte(n), byte(t), byte(flags))
	return binary.BigEndian.AppendUint32(dst, stream)
}

// appendSettings appends a SETTINGS frame.
func appendSettings(dst []byte, settings []http2.Setting) []byte {
	dst = appendFrame(dst, http2.FrameSettings, 0, 0, 6*len(settings))
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint16(dst, uint16(s.ID))
		dst = binary.BigEndian.AppendUint32(dst, s.Val)
	}
	return dst
}

// appendSettingsAck appends the acknowledgement of a SETTINGS frame.
func appendSettingsAck(dst []byte) []byte {
	return appendFrame(dst, http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
}

// appendPing appends a PING frame, or the answer to one.
func appendPing(dst []byte, ack bool, data [8]byte) []byte {
	var flags http2.Flags
	if ack {
		flags = http2.FlagPingAck
	}
	return append(appendFrame(dst, http2.FramePing, flags, 0, len(data)), data[:]...)
}

// appendWindowUpdate appends a WINDOW_UPDATE frame, for the connection if stream
// is 0.
func appendWindowUpdate(dst []byte, stream, increment uint32) []byte {
	dst = appendFrame(dst, http2.FrameWindowUpdate, 0, stream, 4)
	return binary.BigEndian.AppendUint32(dst, increment)
}

// appendReset appends a RST_STREAM frame.
func appendReset(dst []byte, stream uint32, code Code) []byte {
	dst = appendFrame(dst, http2.FrameRSTStream, 0, stream, 4)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// appendGoAway appends a GOAWAY frame.
func appendGoAway(dst []byte, last uint32, code Code, debug string) []byte {
	dst = appendFrame(dst, http2.FrameGoAway, 0, 0, 8+len(debug))
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// appendBlock appends a header block as a HEADERS frame and as many CONTINUATION
// frames as it takes.
func appendBlock(dst []byte, stream uint32, block []byte, end bool, maxFrame int) []byte {
	var flags http2.Flags
	if end {
		flags = http2.FlagHeadersEndStream
	}
	kind := http2.FrameHeaders
	for {
		n := min(len(block), maxFrame)
		if n == len(block) {
			flags |= http2.FlagHeadersEndHeaders
		}
		dst = append(appendFrame(dst, kind, flags, stream, n), block[:n]...)
		if block = block[n:]; len(block) == 0 {
			return dst
		}
		kind, flags = http2.FrameContinuation, 0
	}
}
