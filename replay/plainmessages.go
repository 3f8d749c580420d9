package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// plainMessages undoes the compression of the messages in resp if the client does
// not understand it.
func plainMessages(req *traffic.Request, resp *traffic.Response) {
	encoding := grpcwire.Encoding(resp.Header)
	if encoding == "" || resp.Body == nil || req.Header.HasToken("Grpc-Accept-Encoding", encoding) {
		return
	}
	resp.Header, resp.Length = resp.Header.Without("Grpc-Encoding"), -1
	resp.Body = &plainBody{
		ReadCloser: resp.Body, encoding: encoding,
		messages: grpcwire.NewReader(resp.Body, grpcwire.GRPC, coding.MaxDecoded),
	}
}

// plainBody undoes the compression of messages.
type plainBody struct {
	io.ReadCloser
	messages *grpcwire.Reader
	encoding string
	out      bytes.Buffer
}

// Read returns messages that are not compressed.
func (b *plainBody) Read(p []byte) (int, error) {
	if b.out.Len() == 0 {
		if !b.messages.Next() {
			return 0, cmp.Or(b.messages.Err(), io.EOF)
		}
		content, err := b.decoded()
		if err != nil {
			return 0, recordingFailure(err)
		}
		b.out.Write(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(content))}))
		b.out.Write(content)
	}
	return b.out.Read(p)
}

// decoded returns the message that was read.
func (b *plainBody) decoded() ([]byte, error) {
	m, content := b.messages.Message(), b.messages.Content()
	if m.Size > int64(len(content)) {
		return nil, fmt.Errorf("%w: a message of %d bytes", coding.ErrTooLarge, m.Size)
	}
	return grpcwire.Decoded(m, content, b.encoding, coding.MaxDecoded)
}
