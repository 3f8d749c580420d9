package tail

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ content, want string }{
		"nothing":               {"", ""},
		"PNG":                   {"\x89PNG\r\n\x1a\n\x00", "PNG"},
		"JPEG":                  {"\xff\xd8\xff\xe0", "JPEG"},
		"GIF":                   {"GIF89a\x01", "GIF"},
		"WebP":                  {"RIFF\x10\x00\x00\x00WEBPVP8 ", "WebP"},
		"PDF":                   {"%PDF-1.7", "PDF"},
		"gzip":                  {zipped.String(), "gzip"},
		"zstd":                  {"\x28\xb5\x2f\xfd\x04", "zstd"},
		"zip":                   {"PK\x03\x04\x14", "zip"},
		"JSON":                  {" {\"a\":[1]}", "JSON"},
		"JSON list":             {"[]", "JSON"},
		"JSON that is cut":      {"{\"a\":", "text"},
		"XML":                   {"<?xml version=\"1.0\"?><a/>", "XML"},
		"XML undeclared":        {"<message id=\"1\"><to>you</to></message>\n", "XML"},
		"text":                  {"a < b", "text"},
		"random":                {"\xfe\x00\x17\x99", ""},
		"MessagePack map":       {"\x82\xa1a\x01\xa1b\xcd\x01\x00", "MessagePack"},
		"MessagePack array":     {"\x93\xc0\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xd4\x01\x02", "MessagePack"},
		"MessagePack map 16":    {"\xde\x00\x01\xd9\x01k\xc4\x02\x00\xff", "MessagePack"},
		"MessagePack map 32":    {"\xdf\x00\x00\x00\x01\xda\x00\x01k\xd3\x00\x00\x00\x00\x00\x00\x00\x07", "MessagePack"},
		"MessagePack array 16":  {"\xdc\x00\x02\xc7\x01\x05z\xca\x00\x00\x00\x00", "MessagePack"},
		"MessagePack never":     {"\x91\xc1", ""},
		"MessagePack with more": {"\x81\xa1a\x01\xff", ""},
		"CBOR map":              {"\xa1\x61a\x01", "CBOR"},
		"CBOR array":            {"\x82\x19\x01\x00\xf5", "CBOR"},
		"CBOR endless":          {"\xbf\x61a\x9f\x01\xff\xff", "CBOR"},
		"CBOR tagged":           {"\xd9\xd9\xf7\x43\x00\xff\x01", "CBOR"},
		"CBOR reserved length":  {"\x82\x1c\xff", ""},
		"protobuf":              {"\x0a\x05hello\x10\x96\x01\x1d\x00\x00\x80\x3f", "protobuf-like"},
		"protobuf fixed64":      {"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f", "protobuf-like"},
		"protobuf field 0":      {"\x00\x01", ""},
		"protobuf group":        {"\x0b\x0c", ""},
		"protobuf too short":    {"\x0a\x05he", ""},
	} {
		if got := detect([]byte(c.content)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// Lengths that lie must not cost memory, time or the stack.
func TestDetectOfWhatLies(t *testing.T) {
	for _, content := range []string{
		"\xdf\xff\xff\xff\xff\x00", "\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		strings.Repeat("\x91", 1<<20), strings.Repeat("\x9f", 1<<20), strings.Repeat("[", 1<<20), "\x9f", "\xbf\x01",
	} {
		if got := detect([]byte(content)); got != "" && got != "text" {
			t.Errorf("%.20q is %s", content, got)
		}
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte("\x82\xa1a\x01\xa1b\xcd\x01\x00"))
	f.Add([]byte("\xbf\x61a\x9f\x01\xff\xff"))
	f.Add([]byte("\x0a\x05hello\x10\x96\x01"))
	f.Fuzz(func(t *testing.T, content []byte) {
		before := bytes.Clone(content)
		detect(content)
		if !bytes.Equal(before, content) {
			t.Fatal("content was changed")
		}
	})
}

func FuzzSafe(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Safe(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || isUnsafe(r) }) || Safe(got) != got {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
