package grpcwire

import "encoding/binary"

// PrefixSize is the length in bytes of what stands before each message: one
// byte of flags and the length of the message.
const PrefixSize = 5

// The bits of a prefix's flags.
const (
	flagCompressed = 0x01
	flagTrailer    = 0x80 // of gRPC-Web: what follows are trailers
)

// Message is what the prefix of a message says of it.
type Message struct {
	// Size is the length of the message in bytes as sent, without its prefix.
	Size int64
	// Compressed says that the message is marked as compressed.
	Compressed bool
	// Trailer says that it is no message but the trailers of gRPC-Web, as lines
	// of HTTP/1.
	Trailer bool
}

// parsePrefix reads a prefix.
func parsePrefix(p [PrefixSize]byte, format Format) Message {
	return Message{
		Size:       int64(binary.BigEndian.Uint32(p[1:])),
		Compressed: p[0]&flagCompressed != 0,
		Trailer:    format != GRPC && p[0]&flagTrailer != 0,
	}
}

// AppendPrefix appends the prefix of a message of at most 4 GiB.
func AppendPrefix(dst []byte, m Message) []byte {
	var flags byte
	if m.Compressed {
		flags |= flagCompressed
	}
	if m.Trailer {
		flags |= flagTrailer
	}
	return binary.BigEndian.AppendUint32(append(dst, flags), uint32(m.Size))
}

// Splitter finds the ends of the messages of a body that is fed piece by piece.
// It keeps no content. The zero value finds nothing.
type Splitter struct {
	format Format
	text   base64Stream
	prefix [PrefixSize]byte
	have   int   // bytes of the prefix
	left   int64 // bytes of the message behind a whole prefix
}

// NewSplitter returns a Splitter for a body.
func NewSplitter(format Format) Splitter { return Splitter{format: format} }

// Data takes the next bytes of the body and calls ended for each message that
// ends with them, in order.
func (s *Splitter) Data(p []byte, ended func(Message)) {
	switch s.format {
	case None:
	case WebText:
		var buf [768]byte
		for len(p) > 0 {
			var n int
			n, p = s.text.decode(buf[:], p)
			s.binary(buf[:n], ended)
		}
	default:
		s.binary(p, ended)
	}
}

// binary is Data with base64 undone.
func (s *Splitter) binary(p []byte, ended func(Message)) {
	for len(p) > 0 {
		if s.have < PrefixSize {
			n := copy(s.prefix[s.have:], p)
			s.have, p = s.have+n, p[n:]
			if s.have < PrefixSize {
				return
			}
			s.left = int64(binary.BigEndian.Uint32(s.prefix[1:]))
		}
		n := min(s.left, int64(len(p)))
		s.left, p = s.left-n, p[n:]
		if s.left == 0 {
			s.have = 0
			ended(parsePrefix(s.prefix, s.format))
		}
	}
}

// Between reports whether what came so far ends with a message, or is nothing.
func (s *Splitter) Between() bool { return s.have == 0 }
