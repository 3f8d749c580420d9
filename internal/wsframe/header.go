package wsframe

import (
	"encoding/binary"
	"errors"
)

// The opcodes of RFC 6455 section 5.2. 3 to 7 are reserved for further data
// frames, 11 to 15 for further control frames.
const (
	OpContinuation uint8 = 0
	OpText         uint8 = 1
	OpBinary       uint8 = 2
	OpClose        uint8 = 8
	OpPing         uint8 = 9
	OpPong         uint8 = 10
)

// The reserved bits as they are numbered in Header.RSV.
const (
	RSV1 uint8 = 4 // set on the first frame of a compressed message
	RSV2 uint8 = 2
	RSV3 uint8 = 1
)

// MaxHeaderSize is the size in bytes of the longest frame header.
const MaxHeaderSize = 14

// MaxControlPayload is the most payload in bytes a control frame may have
// (RFC 6455 section 5.5).
const MaxControlPayload = 125

// ErrDesync is returned where a frame's 64-bit length has its top bit set, which
// RFC 6455 section 5.2 forbids: where the next frame begins cannot be known.
var ErrDesync = errors.New("frame length has its top bit set")

// Header is the head of a frame (RFC 6455 section 5.2). The zero value is an
// empty continuation that is not the last.
type Header struct {
	// Fin marks the last frame of a message.
	Fin bool
	// RSV holds the reserved bits: RSV1, RSV2, RSV3.
	RSV uint8
	// Opcode is 0 to 15.
	Opcode uint8
	// Masked says that the payload is masked with Key.
	Masked bool
	Key    [4]byte
	// Length is the size of the payload in bytes, as it is on the wire.
	Length int64
	// LengthSize is 0 where the length is written as short as possible, which
	// RFC 6455 demands. 2 or 8 is the number of bytes of a longer form that
	// the sender chose; AppendHeader writes it again.
	LengthSize uint8
}

// IsControl reports whether the frame is a control frame: close, ping, pong or
// one of the reserved opcodes from 11.
func (h Header) IsControl() bool { return h.Opcode >= OpClose }

// ParseHeader reads a header from the beginning of p and returns its size in
// bytes, or 0 if p ends before the header does. The only error is ErrDesync.
func ParseHeader(p []byte) (Header, int, error) {
	if len(p) < 2 {
		return Header{}, 0, nil
	}
	h := Header{
		Fin:    p[0]&0x80 != 0,
		RSV:    p[0] >> 4 & 7,
		Opcode: p[0] & 15,
		Masked: p[1]&0x80 != 0,
		Length: int64(p[1] & 0x7f),
	}
	n, err := h.parseLength(p)
	if n == 0 || !h.Masked {
		return h, n, err
	}
	if len(p) < n+4 {
		return Header{}, 0, nil
	}
	copy(h.Key[:], p[n:])
	return h, n + 4, nil
}

// parseLength replaces the length of 7 bits with the longer one it announces,
// and returns where in p the length ends, 0 if p ends before that.
func (h *Header) parseLength(p []byte) (int, error) {
	switch h.Length {
	case 126:
		if len(p) < 4 {
			return 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(p[2:]))
		if h.Length < 126 {
			h.LengthSize = 2
		}
		return 4, nil
	case 127:
		if len(p) < 10 {
			return 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint64(p[2:]))
		if h.Length < 0 {
			return 0, ErrDesync
		}
		if h.Length <= 0xffff {
			h.LengthSize = 8
		}
		return 10, nil
	default:
		return 2, nil
	}
}

// AppendHeader appends the wire form of h to dst.
func AppendHeader(dst []byte, h Header) []byte {
	b0 := h.RSV&7<<4 | h.Opcode&15
	if h.Fin {
		b0 |= 0x80
	}
	var mask byte
	if h.Masked {
		mask = 0x80
	}
	switch {
	case h.Length > 0xffff || h.LengthSize == 8:
		dst = append(dst, b0, mask|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	case h.Length > 125 || h.LengthSize == 2:
		dst = append(dst, b0, mask|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, b0, mask|byte(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// AppendFrame appends a whole frame to dst: the header, with the length of
// payload in place of its own, and the payload, masked if the header says so.
// payload itself is not changed.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.Length = int64(len(payload))
	dst = AppendHeader(dst, h)
	start := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		Mask(h.Key, 0, dst[start:])
	}
	return dst
}
