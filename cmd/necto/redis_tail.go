package main

import (
	"bytes"
	"context"
	"io"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/record"
)

// streamSource is a stream that is printed: first what it has, then what comes.
type streamSource struct {
	stream *fleet.Stream
	name   string
	group  string          // "" for none
	ctx    context.Context // of Scan, a field because OpenBody cannot take one
}

// openStream opens a stream to print it.
func openStream(ctx context.Context, address, group string) (tail.Source, error) {
	target, err := parseTarget("the stream", address)
	if err != nil {
		return nil, err
	}
	stream, err := fleet.Open(ctx, target, nil)
	if err != nil {
		return nil, redisHint(err)
	}
	return &streamSource{stream: stream, name: target.String(), group: group}, nil
}

// Name implements tail.Source.
func (s *streamSource) Name() string { return s.name }

// Scan implements tail.Source.
func (s *streamSource) Scan(ctx context.Context, h tail.Handler) error {
	s.ctx = context.WithoutCancel(ctx) // for what is printed last
	return s.stream.Follow(ctx, s.group, streamHandler{Handler: h, name: s.name})
}

// OpenBody implements tail.Source.
func (s *streamSource) OpenBody(b *record.EntryBody) (io.ReadCloser, error) {
	if b.File == "" {
		return io.NopCloser(bytes.NewReader(b.Inline)), nil
	}
	return s.stream.OpenBody(s.ctx, b.File)
}

// Close implements tail.Source.
func (s *streamSource) Close() error { return s.stream.Close() }

// streamHandler hands lines on by their recorders.
type streamHandler struct {
	tail.Handler
	name string
}

// Line implements fleet.Handler.
func (h streamHandler) Line(l fleet.Line) error {
	line, err := record.ParseLine(l.Raw)
	if err != nil {
		h.Warn(err.Error())
		return nil
	}
	return h.From(l.Recorder).Line(line)
}

// Warn implements fleet.Handler.
func (h streamHandler) Warn(text string) { h.Handler.Warn(h.name + ": " + text) }
