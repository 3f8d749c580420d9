package diff

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/record"
)

// maxCompared is how many bytes of content are looked into. Of what is longer, and
// of what is binary, only the hash is compared.
const maxCompared = 8 << 20

// digest is what is told of content that is not looked into.
type digest struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

func (c *collector) body(path string, a, b message) error {
	if !c.presence(path, a.body != nil, b.body != nil, sizeOf(a.body), sizeOf(b.body)) {
		return nil
	}
	if a.body.File == b.body.File && bytes.Equal(a.body.Inline, b.body.Inline) {
		return nil // a sidecar is named for its content
	}
	pa, da, err := read(a.file, a.body)
	if err != nil {
		return err
	}
	pb, db, err := read(b.file, b.body)
	if err != nil {
		return err
	}
	if pa == nil || pb == nil {
		c.digests(path, da, db)
		return nil
	}
	if messagesA, messagesB, ok := c.callsOf(a, b, pa, pb); ok {
		c.content(path, messagesA, messagesB)
		return nil
	}
	c.content(path, withoutBoundaryOf(a, pa), withoutBoundaryOf(b, pb))
	return nil
}

// content compares content as what it is: JSON, text or anything else.
func (c *collector) content(path string, a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	if va, ok := parseJSON(a); ok {
		if vb, ok := parseJSON(b); ok {
			c.json(path, va, vb)
			return
		}
	}
	if isText(a) && isText(b) {
		c.lines(path, string(a), string(b))
		return
	}
	c.digests(path, digestOf(a), digestOf(b))
}

func (c *collector) digests(path string, a, b digest) {
	if a != b {
		c.add(Change{Path: path, Kind: Changed, From: a, To: b})
	}
}

// sizeOf returns what is told of content that only one side has.
func sizeOf(b *record.EntryBody) any {
	if b == nil {
		return nil
	}
	return digest{Size: b.Size}
}

func digestOf(p []byte) digest {
	sum := sha256.Sum256(p)
	return digest{int64(len(p)), hex.EncodeToString(sum[:])}
}

// read returns content, nil if it is too long, and what its digest is.
func read(f *record.File, b *record.EntryBody) ([]byte, digest, error) {
	r, err := f.OpenBody(b)
	if err != nil {
		return nil, digest{}, err
	}
	defer r.Close()
	hash := sha256.New()
	content := make([]byte, 0, min(b.Size, maxCompared)+1)
	content, err = readUpTo(content, io.TeeReader(r, hash), maxCompared+1)
	if err != nil {
		return nil, digest{}, err
	}
	if len(content) <= maxCompared {
		return content, digest{int64(len(content)), hex.EncodeToString(hash.Sum(nil))}, nil
	}
	more, err := io.Copy(hash, r)
	return nil, digest{int64(len(content)) + more, hex.EncodeToString(hash.Sum(nil))}, err
}

// readUpTo appends at most n bytes of r to dst.
func readUpTo(dst []byte, r io.Reader, n int64) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	_, err := io.CopyN(buf, r, n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buf.Bytes(), err
}

// parseJSON returns the value of an object or an array.
func parseJSON(p []byte) (any, bool) {
	start := bytes.TrimLeft(p, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' || !json.Valid(p) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err == nil
}

func isText(p []byte) bool { return utf8.Valid(p) && bytes.IndexByte(p, 0) < 0 }

// boundaryPlace is what the boundary of multipart content becomes.
const boundaryPlace = "{boundary}"

// boundaryOf returns the boundary that a Content-Type names, "" for none: who
// sends multipart content makes up a new one each time (RFC 2046 section 5.1.1).
func boundaryOf(contentType string) string {
	if !strings.Contains(contentType, "boundary") {
		return ""
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["boundary"]
}

func withoutBoundary(contentType string) string {
	if boundary := boundaryOf(contentType); boundary != "" {
		return strings.Replace(contentType, boundary, boundaryPlace, 1)
	}
	return contentType
}

// withoutBoundaryOf returns the content of a message with its boundary replaced.
func withoutBoundaryOf(m message, content []byte) []byte {
	if boundary := boundaryOf(m.header.Get("Content-Type")); boundary != "" {
		return bytes.ReplaceAll(content, []byte("--"+boundary), []byte("--"+boundaryPlace))
	}
	return content
}
