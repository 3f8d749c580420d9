package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxStructured is the size in bytes up to which JSON and forms are compared by
// structure, larger ones byte by byte: a structure has to be in memory.
const maxStructured = coding.MaxDecoded

// kind is how content is compared.
type kind uint8

const (
	kindRaw kind = iota
	kindJSON
	kindForm
	kindMultipart
	kindCall // messages of gRPC
)

// kindOf returns how content of a media type is compared. JSON is also looked
// for where a recording redacts it: in plain text, event streams and scripts, and
// where no type is given.
func kindOf(contentType string) kind {
	media := strings.ToLower(strings.TrimSpace(contentType))
	switch {
	case grpcwire.FormatOf(media) != grpcwire.None:
		return kindCall
	case strings.HasPrefix(media, "application/x-www-form-urlencoded"):
		return kindForm
	case strings.HasPrefix(media, "multipart/"):
		return kindMultipart
	case media == "", strings.Contains(media, "json"), strings.Contains(media, "javascript"),
		strings.HasPrefix(media, "text/plain"), strings.HasPrefix(media, "text/event-stream"):
		return kindJSON
	}
	return kindRaw
}

// content is what matching knows of a body.
type content struct {
	digest digest
	// size is in bytes, content coding undone where that was possible.
	size int64
	kind kind
	// text is the content of JSON and forms, nil for other kinds.
	text []byte
	// messages are the first ones of count messages of a call.
	messages []callMessage
	count    int
	// partial says that more messages may come.
	partial bool
}

// contentHead is what tells how the content of a request is to be read.
type contentHead struct {
	path   string
	header traffic.Fields
}

// readContent reads a live request's body to its end. The error is that of
// reading it.
func readContent(req *traffic.Request, tol *tolerance) (content, error) {
	if req.Body == nil {
		return content{}, nil
	}
	from := contentHead{req.URL.Path(), req.Header}
	var codings []string
	if req.Header.Has("Content-Encoding") {
		codings = coding.Parse(req.Header.Values("Content-Encoding"))
	}
	if len(codings) == 0 {
		return digestContent(from, req.Body, tol)
	}
	wire := &tap{source: req.Body, sum: sha256.New()}
	c, err := decodeContent(from, codings, wire, tol)
	if err == nil {
		return c, nil
	}
	// What cannot be decoded is compared as it came, as it was recorded.
	_, _ = io.Copy(io.Discard, wire) // its error is in wire
	return content{digest: rawDigest(wire.sum), size: wire.size}.normal(), wire.err
}

func decodeContent(from contentHead, codings []string, wire *tap, tol *tolerance) (c content, err error) {
	decoded, err := coding.Decode(codings, wire, coding.MaxDecoded)
	if err != nil {
		return content{}, err
	}
	defer func() { err = errors.Join(err, decoded.Close()) }()
	c, err = digestContent(from, decoded, tol)
	return c, errors.Join(err, wire.err)
}

// digestContent reads r, content coding undone, to its end. Content that is not
// what its type says is compared as plain bytes.
func digestContent(from contentHead, r io.Reader, tol *tolerance) (content, error) {
	contentType := from.header.Get("Content-Type")
	k := kindOf(contentType)
	switch k {
	case kindMultipart:
		return digestMultipart(contentType, r, tol)
	case kindCall:
		return digestCall(newCallReader(r, from.path, traffic.ClientToServer, from.header, tol))
	case kindJSON, kindForm:
		text, err := io.ReadAll(io.LimitReader(r, maxStructured+1))
		if err != nil {
			return content{}, err
		}
		if len(text) > maxStructured {
			return digestRaw(io.MultiReader(bytes.NewReader(text), r))
		}
		return digestText(k, contentType, text, tol), nil
	default:
		return digestRaw(r)
	}
}

// digestText returns the content of a JSON or form body.
func digestText(k kind, contentType string, text []byte, tol *tolerance) content {
	c := content{size: int64(len(text)), kind: k, text: text}
	if tol.masked { // as the recorder did, also in what is not quite JSON
		text = record.Mask(nil, text, contentType)
	}
	if k == kindForm {
		c.digest = hashBytes(domainForm, appendPairs(nil, string(text), tol, tol.form))
		return c.normal()
	}
	var ok bool
	if c.digest, ok = hashJSON(text, tol); !ok {
		sum := sha256.New()
		sum.Write(text)
		c.digest, c.kind, c.text = rawDigest(sum), kindRaw, nil
	}
	return c.normal()
}

func digestRaw(r io.Reader) (content, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return content{digest: rawDigest(sum), size: n}.normal(), err
}

// digestMultipart compares content by its parts, in order, and not by its
// boundary (RFC 2046, RFC 7578): the name, file name, type and content of each.
func digestMultipart(contentType string, r io.Reader, tol *tolerance) (content, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return digestRaw(r)
	}
	whole := &tap{source: r, sum: sha256.New()}
	d, err := digestParts(multipart.NewReader(whole, params["boundary"]), tol)
	_, _ = io.Copy(io.Discard, whole) // its error is in whole
	c := content{digest: d, size: whole.size, kind: kindMultipart}
	if err != nil {
		c.digest, c.kind = rawDigest(whole.sum), kindRaw
	}
	return c.normal(), whole.err
}

func digestParts(parts *multipart.Reader, tol *tolerance) (digest, error) {
	var all digest
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return all.in(domainMultipart), nil
		}
		if err != nil {
			return digest{}, err
		}
		if tol.form[part.FormName()] {
			continue
		}
		var b []byte
		b = appendSized(b, part.FormName())
		b = appendSized(b, part.FileName())
		b = appendSized(b, part.Header.Get("Content-Type"))
		sum := sha256.New()
		if err := hashPart(sum, part, tol.masked); err != nil {
			return digest{}, err
		}
		if !tol.masked || !record.IsSecret(part.FormName()) {
			b = sum.Sum(b)
		}
		all = all.then(hashBytes(domainMultipart, b))
	}
}

func rawDigest(sum hash.Hash) digest {
	var b [sha256.Size]byte
	s := sum.Sum(b[:0])
	return digest{binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])}.in(domainRaw)
}

// normal makes empty content equal to none.
func (c content) normal() content {
	if c.size == 0 {
		c.digest = digest{}
	}
	return c
}

// tap hashes what is read through it and remembers its source's error.
type tap struct {
	source io.Reader
	sum    hash.Hash
	size   int64
	err    error
}

func (t *tap) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.source.Read(p)
	t.sum.Write(p[:n])
	t.size += int64(n)
	if err != io.EOF {
		t.err = err
	}
	return n, err
}

// hashPart hashes the content of a part, without its secrets if masked is set: it may
// be JSON, whatever its type says.
func hashPart(sum hash.Hash, part io.Reader, masked bool) error {
	if masked {
		content, err := io.ReadAll(io.LimitReader(part, maxStructured+1))
		if err != nil {
			return err
		}
		if len(content) <= maxStructured {
			content = record.Mask(nil, content, "")
		}
		sum.Write(content)
	}
	_, err := io.Copy(sum, part)
	return err
}
