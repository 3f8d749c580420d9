package tail

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// mediaNames are the names of what http.DetectContentType knows and frames have.
var mediaNames = map[string]string{
	"image/png":                    "PNG",
	"image/jpeg":                   "JPEG",
	"image/gif":                    "GIF",
	"image/webp":                   "WebP",
	"image/bmp":                    "BMP",
	"application/pdf":              "PDF",
	"application/x-gzip":           "gzip",
	"application/zip":              "zip",
	"application/x-rar-compressed": "RAR",
	"application/wasm":             "WebAssembly",
	"audio/mpeg":                   "MP3",
	"audio/wave":                   "WAV",
	"application/ogg":              "Ogg",
	"video/mp4":                    "MP4",
	"video/webm":                   "WebM",
	"text/html":                    "HTML",
	"text/xml":                     "XML",
}

// kindJSON is what detect calls JSON.
const kindJSON = "JSON"

// detect says what content probably is, "" if it looks like nothing known.
func detect(p []byte) string {
	if name := detectMagic(p); name != "" {
		return name
	}
	switch {
	case len(p) == 0:
		return ""
	case isJSON(p):
		return kindJSON
	case isXML(p):
		return "XML"
	case isMessagePack(p) && (hasNames(p) || !isCBOR(p)):
		return "MessagePack"
	case isCBOR(p):
		return "CBOR"
	case isText(p):
		return "text"
	case isProtobuf(p):
		return "protobuf-like"
	}
	return ""
}

// detectMagic knows formats by how they begin.
func detectMagic(p []byte) string {
	if bytes.HasPrefix(p, []byte("\x28\xb5\x2f\xfd")) { // RFC 8878 section 3.1.1
		return "zstd"
	}
	media, _, _ := strings.Cut(http.DetectContentType(p), ";")
	return mediaNames[media]
}

// isJSON reports whether p is a JSON object or list. Scalars are left out: any
// number is one.
func isJSON(p []byte) bool {
	trimmed := bytes.TrimLeft(p, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed)
}

// isXML finds XML without a declaration: an element from end to end.
func isXML(p []byte) bool {
	p = bytes.TrimSpace(p)
	if len(p) < len("<a/>") || p[0] != '<' || p[len(p)-1] != '>' || !utf8.Valid(p) {
		return false
	}
	c := p[1] | 0x20
	return 'a' <= c && c <= 'z' && (bytes.HasSuffix(p, []byte("/>")) || bytes.Contains(p, []byte("</")))
}

// isText reports whether p is UTF-8 for people to read.
func isText(p []byte) bool {
	if !utf8.Valid(p) {
		return false
	}
	for _, c := range p {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
