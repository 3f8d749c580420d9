package protoset

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// Body is what one side of a call sent.
type Body struct {
	// Path is that of the request, Dir the direction.
	Path string
	Dir  traffic.Direction
	// Header is that of the message: it says how content is carried, encoded and
	// compressed.
	Header traffic.Fields
	// Content is the body with content coding undone. It is read to its end, but
	// for what is behind the first message that is no message.
	Content io.Reader
}

// Text is a message as people read it.
type Text struct {
	grpcwire.Message
	// JSON is the message in one line, nil if Err says why there is none. It is the
	// receiver's.
	JSON []byte
	Err  error
}

// Each calls f for each message of a body, trailers of gRPC-Web left out, until
// f returns false. Messages that are JSON by themselves need no description.
func (s *Set) Each(b Body, f func(Text) bool) {
	contentType := b.Header.Get("Content-Type")
	r := grpcwire.NewReader(b.Content, grpcwire.FormatOf(contentType), coding.MaxDecoded)
	codec, encoding := grpcwire.Codec(contentType), grpcwire.Encoding(b.Header)
	for r.Next() {
		t := Text{Message: r.Message()}
		if t.Trailer {
			continue
		}
		if t.JSON, t.Err = s.text(b, t.Message, r.Content(), codec, encoding); !f(t) {
			return
		}
	}
}

// text returns a message as JSON in one line.
func (s *Set) text(b Body, m grpcwire.Message, content []byte, codec, encoding string) ([]byte, error) {
	content, err := grpcwire.Decoded(m, content, encoding, coding.MaxDecoded)
	if err != nil {
		return nil, err
	}
	if codec != "json" {
		return s.JSON(b.Path, b.Dir, content)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, content); err != nil {
		return nil, err
	}
	return line.Bytes(), nil
}

// Content returns a function that returns the content of a call as JSON, a line
// for each message, and that of all else as content does, which returns the
// content of one direction with content coding undone. It is content itself for
// what s does not describe.
func (s *Set) Content(
	x *traffic.Exchange, content func(traffic.Direction) []byte,
) func(traffic.Direction) []byte {
	if s == nil || content == nil || !grpcwire.IsCall(x.Request) || !s.Knows(x.Request.URL.Path()) {
		return content
	}
	return func(dir traffic.Direction) []byte {
		b := Body{Path: x.Request.URL.Path(), Dir: dir, Header: x.Request.Header}
		if dir == traffic.ServerToClient {
			if x.Response == nil {
				return nil
			}
			b.Header = x.Response.Header
		}
		b.Content = bytes.NewReader(content(dir))
		var lines []byte
		s.Each(b, func(t Text) bool {
			if t.Err == nil {
				lines = append(append(lines, t.JSON...), '\n')
			}
			return true
		})
		return lines
	}
}
