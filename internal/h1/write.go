package h1

import (
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// AppendRequest appends the head of a request to dst, with the given target in
// the request line and without the fields that are between client and proxy
// only: Proxy-Authorization and Proxy-Connection. Untouched fields are written
// as they came.
func AppendRequest(dst []byte, req *traffic.Request, target string) []byte {
	dst = append(dst, req.Method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	dst = append(dst, ' ')
	dst = append(dst, req.Proto...)
	dst = append(dst, "\r\n"...)
	for _, f := range req.Header {
		if !isProxyField(f) {
			dst = f.AppendTo(dst)
		}
	}
	return append(dst, "\r\n"...)
}

// AppendResponse appends the head of a response to dst, a 1xx one too, without
// Proxy-Authenticate and Proxy-Connection, which an origin has no business
// sending.
func AppendResponse(dst []byte, resp *traffic.Response) []byte {
	dst = resp.AppendStatusLine(dst)
	for _, f := range resp.Header {
		if !isProxyField(f) {
			dst = f.AppendTo(dst)
		}
	}
	return append(dst, "\r\n"...)
}

// isProxyField reports whether f is for the next hop alone. The first comparison
// is there because this is asked of every field.
func isProxyField(f traffic.Field) bool {
	if len(f.Name) < len("Proxy-Connection") || f.Name[0]|0x20 != 'p' {
		return false
	}
	return f.Is("Proxy-Authorization") || f.Is("Proxy-Connection") || f.Is("Proxy-Authenticate")
}

// AppendChunk appends p as one chunk to dst.
func AppendChunk(dst, p []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(p)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, p...)
	return append(dst, "\r\n"...)
}

// AppendLastChunk appends the end of a chunked body to dst.
func AppendLastChunk(dst []byte, trailer traffic.Fields) []byte {
	dst = append(dst, "0\r\n"...)
	for _, f := range trailer {
		dst = f.AppendTo(dst)
	}
	return append(dst, "\r\n"...)
}
