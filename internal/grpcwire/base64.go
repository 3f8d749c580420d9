package grpcwire

// base64Stream undoes base64 that comes in pieces. Pieces may have padding of
// their own: gRPC-Web encodes each flush by itself. White space and bytes that
// are not base64 are left out.
type base64Stream struct {
	bits uint32
	have uint8 // characters in bits, 0 to 3
}

// decode decodes the beginning of p into dst, which has room for at least three
// bytes, and returns how much of dst it has filled and what is left of p.
func (b *base64Stream) decode(dst, p []byte) (n int, rest []byte) {
	for i, c := range p {
		if n+3 > len(dst) {
			return n, p[i:]
		}
		if c == '=' {
			n += b.end(dst[n:])
			continue
		}
		v := sextets[c]
		if v == notBase64 {
			continue
		}
		b.bits = b.bits<<6 | uint32(v)
		if b.have++; b.have == 4 {
			dst[n], dst[n+1], dst[n+2] = byte(b.bits>>16), byte(b.bits>>8), byte(b.bits)
			n += 3
			b.have = 0
		}
	}
	return n, nil
}

// end writes the bytes of the last characters before padding, of which the
// second and further ones find nothing any more.
func (b *base64Stream) end(dst []byte) int {
	have := b.have
	b.have = 0
	switch have {
	case 2:
		dst[0] = byte(b.bits >> 4)
		return 1
	case 3:
		dst[0], dst[1] = byte(b.bits>>10), byte(b.bits>>2)
		return 2
	}
	return 0
}

const notBase64 = 0xff

// sextets has the value of each character, of the usual alphabet and of the one
// for URLs.
var sextets = func() (values [256]byte) {
	for i := range values {
		values[i] = notBase64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		values[c] = byte(i)
	}
	values['-'], values['_'] = values['+'], values['/']
	return values
}()
