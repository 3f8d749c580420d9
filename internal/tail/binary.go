package tail

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The formats of this file have no signature. What is one of them from its first
// to its last byte, and more than a scalar, is taken for it.

const (
	// maxNesting is how deep content may be nested, maxField the highest number of
	// a protobuf field to be believed.
	maxNesting = 64
	maxField   = 1 << 16
)

// walker goes through content. Once it is wrong it stays so.
type walker struct {
	rest  []byte
	wrong bool
}

// take returns the next n bytes, nil if there are no so many.
func (w *walker) take(n uint64) []byte {
	if w.wrong || n > uint64(len(w.rest)) {
		w.wrong = true
		return nil
	}
	p := w.rest[:n]
	w.rest = w.rest[n:]
	return p
}

// number returns the next size bytes as a number.
func (w *walker) number(size uint64) uint64 {
	n := uint64(0)
	for _, c := range w.take(size) {
		n = n<<8 | uint64(c)
	}
	return n
}

// text passes over n bytes, which must be UTF-8.
func (w *walker) text(n uint64) {
	if !utf8.Valid(w.take(n)) {
		w.wrong = true
	}
}

// items passes over n items. Each has a byte at least.
func (w *walker) items(n uint64, depth int, item func(depth int)) {
	if n > uint64(len(w.rest)) || depth >= maxNesting {
		w.wrong = true
	}
	for ; n > 0 && !w.wrong; n-- {
		item(depth + 1)
	}
}

func (w *walker) done() bool { return !w.wrong && len(w.rest) == 0 }

// isMessagePack reports whether p is one MessagePack map or array that is not
// empty.
func isMessagePack(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	first := p[0]
	isMap := first > 0x80 && first <= 0x8f || first == 0xde || first == 0xdf
	isArray := first > 0x90 && first <= 0x9f || first == 0xdc || first == 0xdd
	if !isMap && !isArray {
		return false
	}
	w := walker{rest: p}
	w.messagePack(0)
	return w.done()
}

// hasNames reports whether MessagePack is anything but a short map whose first
// key is no string: short lists of CBOR look like that.
func hasNames(p []byte) bool {
	return p[0] > 0x8f || p[1] >= 0xa0 && p[1] <= 0xbf || p[1] >= 0xd9 && p[1] <= 0xdb
}

func (w *walker) messagePack(depth int) {
	c := w.number(1)
	switch {
	case c <= 0x7f, c >= 0xe0: // fixint
	case c <= 0x8f:
		w.items(2*(c&0x0f), depth, w.messagePack)
	case c <= 0x9f:
		w.items(c&0x0f, depth, w.messagePack)
	case c <= 0xbf:
		w.text(c & 0x1f)
	case c == 0xc1: // never used
		w.wrong = true
	case c >= 0xd9 && c <= 0xdb:
		w.text(w.number(1 << (c - 0xd9)))
	case c == 0xdc || c == 0xdd:
		w.items(w.number(2<<(c-0xdc)), depth, w.messagePack)
	case c >= 0xde:
		w.items(2*w.number(2<<(c-0xde)), depth, w.messagePack)
	default:
		w.messagePackScalar(c)
	}
}

// messagePackScalar passes over what has bytes of any kind.
func (w *walker) messagePackScalar(c uint64) {
	switch {
	case c <= 0xc3: // nil, false, true
	case c <= 0xc6: // bin
		w.take(w.number(1 << (c - 0xc4)))
	case c <= 0xc9: // ext, with a byte for its type
		w.take(w.number(1<<(c-0xc7)) + 1)
	case c <= 0xcb: // float
		w.take(4 << (c - 0xca))
	case c <= 0xcf: // uint
		w.take(1 << (c - 0xcc))
	case c <= 0xd3: // int
		w.take(1 << (c - 0xd0))
	default: // fixext
		w.take(1<<(c-0xd4) + 1)
	}
}

// The major types of CBOR (RFC 8949 section 3.1) that are looked at.
const (
	cborBytes  = 2
	cborText   = 3
	cborArray  = 4
	cborMap    = 5
	cborTag    = 6
	cborSimple = 7
)

// cborBreak ends what has no length.
const cborBreak = 0xff

// isCBOR reports whether p is one CBOR map or array that is not empty, or is
// tagged.
func isCBOR(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	if major := p[0] >> 5; major < cborArray || major > cborTag {
		return false
	}
	w := walker{rest: p}
	w.cbor(0)
	return w.done()
}

func (w *walker) cbor(depth int) {
	c := w.number(1)
	major, info := c>>5, c&0x1f
	n := info
	switch {
	case info == 31 && major >= cborBytes && major <= cborMap:
		w.cborEndless(depth)
		return
	case info > 27:
		w.wrong = true
	case info >= 24:
		n = w.number(1 << (info - 24))
	}
	switch major {
	case cborBytes:
		w.take(n)
	case cborText:
		w.text(n)
	case cborArray:
		w.items(n, depth, w.cbor)
	case cborMap:
		w.items(2*min(n, math.MaxUint64/2), depth, w.cbor)
	case cborTag:
		w.items(1, depth, w.cbor)
	case cborSimple:
		w.wrong = w.wrong || info < 20 || info == 24 && n < 32 // unassigned
	}
}

// cborEndless passes over items up to a break.
func (w *walker) cborEndless(depth int) {
	for !w.wrong {
		if len(w.rest) > 0 && w.rest[0] == cborBreak {
			w.take(1)
			return
		}
		w.items(1, depth, w.cbor)
	}
}

// isProtobuf reports whether p is a sequence of protobuf fields, which is no
// more than a guess: the format says nothing about itself.
func isProtobuf(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	w := walker{rest: p}
	for !w.wrong && len(w.rest) > 0 {
		w.protobufField()
	}
	return w.done()
}

func (w *walker) protobufField() {
	key := w.varint()
	if field := key >> 3; field == 0 || field > maxField {
		w.wrong = true
	}
	switch key & 7 {
	case 0:
		w.varint()
	case 1:
		w.take(8)
	case 2:
		w.take(w.varint())
	case 5:
		w.take(4)
	default: // groups are not used any more
		w.wrong = true
	}
}

func (w *walker) varint() uint64 {
	n, size := binary.Uvarint(w.rest)
	if size <= 0 {
		w.wrong = true
		return 0
	}
	w.take(uint64(size))
	return n
}
