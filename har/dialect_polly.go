package har

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// pollyChunks returns content in the form in which Polly.js has that of responses
// with a Content-Encoding: the text is a JSON array of chunks, in base64, or in hex
// where older versions say `_isBinary`. They are as they were on the wire.
func pollyChunks(raw rawBody) ([]byte, bool) {
	base := strings.EqualFold(raw.encoding, "base64")
	if !base && !raw.binary || len(raw.text) == 0 || raw.text[0] != '[' {
		return nil, false
	}
	var chunks []string
	if json.Unmarshal(raw.text, &chunks) != nil {
		return nil, false
	}
	decodeChunk := base64.StdEncoding.DecodeString
	if !base {
		decodeChunk = hex.DecodeString
	}
	var all []byte
	for _, chunk := range chunks {
		part, err := decodeChunk(chunk)
		if err != nil {
			return nil, false
		}
		all = append(all, part...)
	}
	return all, true
}

// undoCoding decodes content that is as it was on the wire. What cannot be decoded
// stays as it is.
func (c *cursor) undoCoding(r *Response) {
	coding := strings.ToLower(trim(valueOf(r.Headers, "Content-Encoding")))
	if coding == "" || coding == "identity" {
		return
	}
	wire := r.Content.Body.Data
	content, err := decodeCoding(coding, wire)
	if err != nil {
		c.warn(fmt.Sprintf("content.text cannot be decoded, it stays as it is: %v", err))
		return
	}
	r.Content.Body, r.Content.Size = Body{Data: content}, int64(len(content))
	if r.BodySize < 0 {
		r.BodySize = int64(len(wire))
	}
}

// maxInflated bounds content that is decoded in memory, in bytes: a little of it may
// stand for any length.
const maxInflated = 64 << 20

func decodeCoding(coding string, wire []byte) ([]byte, error) {
	var in io.Reader = bytes.NewReader(wire)
	var err error
	switch coding {
	case "gzip", "x-gzip":
		in, err = gzip.NewReader(in)
	case "deflate":
		in, err = zlib.NewReader(in)
	case "br":
		in = brotli.NewReader(in)
	default:
		err = fmt.Errorf("content coding %.40q is unknown", coding)
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(in, maxInflated+1))
	if err == nil && len(content) > maxInflated {
		err = errors.New("content is longer than 64 MiB")
	}
	return content, err
}
