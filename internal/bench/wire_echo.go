//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The conversation that the WebSocket row holds on each connection: a handshake
// as a browser would make it, then text frames that come back one by one. The
// key and the answer to it are the example of RFC 6455 section 1.3, so that the
// origin need not compute one.
const (
	chatPath   = "/v1/rooms/42?as=ada"
	chatKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	chatAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	chatAnswer = "HTTP/1.1 101 Switching Protocols\r\n" +
		"Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n" +
		"Server: origin\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + chatAccept + "\r\n\r\n"
)

// chatRequest renders the handshake. target is the request target as it goes
// onto the wire: absolute for a forward proxy, else chatPath.
func chatRequest(target, host string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"User-Agent: bench/1.0 (linux)\r\n" +
		"Origin: http://app.example\r\n" +
		"Accept-Language: en-GB,en;q=0.8\r\n" +
		"Authorization: Bearer 4f6b1c0e9a7d42d8b3c5\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: " + chatKey + "\r\n\r\n")
}

// The message: JSON of exactly messageSize bytes, with a number of messageDigits
// hexadecimal digits at messageNumber.
const (
	messageSize   = 128
	messageNumber = len(`{"n":"`)
	messageDigits = 8
)

// chatMessage is the message of one connection, with the number 0.
func chatMessage(conn int) []byte {
	const tail = `"}`
	s := fmt.Sprintf(`{"n":"%0*x","type":"message","room":"general","from":"client %d","text":"`, messageDigits, 0, conn)
	return []byte(s + strings.Repeat("hello ", messageSize)[:messageSize-len(s)-len(tail)] + tail)
}

// Parts of a frame's first two bytes, RFC 6455 section 5.2, and the sizes of the
// short form of a header and of those with a length of 16 and of 64 bits.
const (
	finalText  = 0x81
	maskBit    = 0x80
	shortMost  = 125
	long16     = 126
	long64     = 127
	shortHead  = 2
	longHead   = 4
	hugeHead   = 10
	maskKeyLen = 4
)

// textFrame renders a text frame, masked if there is a key. The payload must be of
// more than shortMost bytes, but fewer than 64 KiB.
func textFrame(payload, key []byte) []byte {
	bit := byte(0)
	if key != nil {
		bit = maskBit
	}
	frame := []byte{finalText, bit | long16}
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	frame = append(frame, key...)
	start := len(frame)
	frame = append(frame, payload...)
	if key != nil {
		mask(frame[start:], key)
	}
	return frame
}

// mask masks p, or unmasks it.
func mask(p, key []byte) {
	for i := range p {
		p[i] ^= key[i%maskKeyLen]
	}
}

// appendUnmasked appends the frame at the beginning of b without its mask, and
// returns its size in b, 0 if that is not whole. Frames of 64 KiB and more are
// refused, as are those without a mask.
func appendUnmasked(dst, b []byte) ([]byte, int, error) {
	if len(b) < shortHead {
		return dst, 0, nil
	}
	head, size := shortHead, int(b[1]&^maskBit)
	switch {
	case b[1]&maskBit == 0:
		return dst, 0, errors.New("frame has no mask")
	case size > long16:
		return dst, 0, errors.New("frame is too long")
	case size == long16:
		if head = longHead; len(b) < head {
			return dst, 0, nil
		}
		size = int(binary.BigEndian.Uint16(b[shortHead:]))
	}
	start := head + maskKeyLen
	if len(b) < start+size {
		return dst, 0, nil
	}
	dst = append(dst, b[0], b[1]&^maskBit)
	dst = append(dst, b[shortHead:head]...)
	payload := len(dst)
	dst = append(dst, b[start:start+size]...)
	mask(dst[payload:], b[head:start])
	return dst, start + size, nil
}
