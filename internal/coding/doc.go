// Package coding undoes and applies HTTP content codings (RFC 9110 section
// 8.4.1): gzip and x-gzip, deflate (zlib, and the raw form that some servers
// send), br and zstd.
//
//	r, err := coding.Decode(coding.Parse(header.Values("Content-Encoding")), body, coding.MaxDecoded)
//
// Content comes from strangers, so decoding is bounded: in codings on top of
// each other, in bytes that come out of each of them, and in the window a
// decoder may ask for. Decoders and encoders are pooled; both stream, at a
// memory that does not grow with the content.
package coding
