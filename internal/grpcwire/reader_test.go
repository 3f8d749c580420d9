package grpcwire

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/coding"
)

// readAll returns the contents of all messages and how they ended.
func readAll(r *Reader) (contents []string, err error) {
	for r.Next() {
		contents = append(contents, string(r.Content()))
	}
	if r.Next() {
		contents = append(contents, "one more")
	}
	return contents, r.Err()
}

func TestReader(t *testing.T) {
	body := bodyOf("one", "", "three")
	disk := errors.New("disk on fire")
	for _, c := range []struct {
		name   string
		format Format
		source io.Reader
		limit  int64
		want   []string
		err    error
	}{
		{"all", GRPC, bytes.NewReader(body), 100, []string{"one", "", "three"}, nil},
		{"cut to the limit", GRPC, bytes.NewReader(body), 2, []string{"on", "", "th"}, nil},
		{"nothing kept", GRPC, bytes.NewReader(body), 0, []string{"", "", ""}, nil},
		{"base64", WebText, strings.NewReader(base64.StdEncoding.EncodeToString(body)), 100, []string{"one", "", "three"}, nil},
		{"no gRPC", None, bytes.NewReader(body), 100, nil, nil},
		{"cut inside a message", GRPC, bytes.NewReader(body[:len(body)-1]), 100, []string{"one", ""}, ErrCut},
		{"cut behind the limit", GRPC, bytes.NewReader(body[:len(body)-1]), 2, []string{"on", ""}, ErrCut},
		{"cut inside a prefix", GRPC, bytes.NewReader(body[:11]), 100, []string{"one"}, ErrCut},
		{"a promise of 4 GiB", GRPC, strings.NewReader("\x00\xff\xff\xff\xffx"), 1 << 40, nil, ErrCut},
		{"a broken source", GRPC, io.MultiReader(bytes.NewReader(body[:7]), iotest.ErrReader(disk)), 100, nil, disk},
		{"a source that breaks behind the limit", GRPC, io.MultiReader(bytes.NewReader(body[:7]), iotest.ErrReader(disk)), 1, nil, disk},
	} {
		got, err := readAll(NewReader(c.source, c.format, c.limit))
		if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, %s", c.name, err, diff)
		}
	}
}

// TestTextThatComesUnaligned reads base64 that comes in pieces which end anywhere.
func TestTextThatComesUnaligned(t *testing.T) {
	long := strings.Repeat("long", 5<<10)
	text := base64.StdEncoding.EncodeToString(bodyOf(long))
	for first := range 5 {
		source := io.MultiReader(strings.NewReader(text[:first]), strings.NewReader(text[first:]))
		got, err := readAll(NewReader(source, WebText, 1<<20))
		if err != nil || len(got) != 1 || got[0] != long {
			t.Errorf("%d characters at first: error %v, %d messages", first, err, len(got))
		}
	}
}

func TestDecoded(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("content"))
	w.Close()
	compressed := Message{Compressed: true}
	for _, c := range []struct {
		name     string
		message  Message
		content  []byte
		encoding string
		want     string
		err      error
	}{
		{"plain", Message{}, []byte("content"), "gzip", "content", nil},
		{"compressed", compressed, zipped.Bytes(), "gzip", "content", nil},
		{"marked, without an encoding", compressed, []byte("content"), "", "content", nil},
		{"unknown", compressed, zipped.Bytes(), "snappy", "", coding.ErrUnknown},
		{"broken", compressed, zipped.Bytes()[:12], "gzip", "", coding.ErrCorrupt},
	} {
		got, err := Decoded(c.message, c.content, c.encoding, 100)
		if c.err == nil && string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, error %v", c.name, got, err)
		}
	}
	if _, err := Decoded(compressed, zipped.Bytes(), "gzip", 3); !errors.Is(err, coding.ErrTooLarge) {
		t.Errorf("beyond the limit: error %v", err)
	}
}
