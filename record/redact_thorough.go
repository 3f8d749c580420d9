package record

import (
	"bytes"
	"io"
	"strings"
	"unicode"
)

// thorough reports whether secrets are looked for by their shape, too.
func (e *encoder) thorough() bool { return e.redact != nil && e.redact.thorough }

// again appends the line that appendTo makes. To look for secrets by their shape
// takes time and finds something in few lines, so a line is made again, thoroughly,
// if it may have one. What is beside the line was looked at thoroughly at once.
func (e *encoder) again(dst []byte, appendTo func([]byte) ([]byte, error)) ([]byte, error) {
	seq, whole := e.seq, len(dst)
	e.final = false
	dst, err := appendTo(dst)
	if err != nil || e.final || e.redact == nil || e.redact.thorough || !mayHaveShape(dst[whole:]) {
		return dst, err
	}
	e.seq, e.redact.thorough = seq, true
	dst, err = appendTo(dst[:whole])
	e.redact.thorough = false
	return dst, err
}

// cleanReader reads text on its way to a sidecar without the secrets of shapes,
// expressions and paths.
func (r *redactor) cleanReader(src io.Reader) io.Reader {
	if len(r.patterns.json) > 0 {
		src = &windowReader{src: src, scan: (&pathScanner{redactor: r}).scan}
	}
	return &windowReader{src: src, scan: shapeScanner{r}.scan}
}

// windowReader reads what scan, such as scanner.scan, makes of src.
type windowReader struct {
	src  io.Reader
	scan func(dst, src []byte, final bool) ([]byte, int)

	window []byte
	held   int // window begins with so many bytes of before
	out    []byte
	read   int // bytes of out that were read
	err    error
}

func (w *windowReader) Read(p []byte) (int, error) {
	for w.read == len(w.out) {
		if w.err != nil {
			return 0, w.err
		}
		w.fill()
	}
	n := copy(p, w.out[w.read:])
	w.read += n
	return n, nil
}

// fill makes more to read.
func (w *windowReader) fill() {
	if w.window == nil {
		w.window = make([]byte, windowSize)
	}
	n, err := io.ReadFull(w.src, w.window[w.held:])
	final := err == io.EOF || err == io.ErrUnexpectedEOF
	switch {
	case final:
		w.err = io.EOF
	case err != nil:
		w.err = err
		return
	}
	used := 0
	w.out, used = w.scan(w.out[:0], w.window[:w.held+n], final)
	w.read, w.held = 0, copy(w.window, w.window[used:w.held+n])
}

// textGrammar finds nothing: in other text only shapes tell secrets.
type textGrammar struct{}

func (textGrammar) anchor([]byte, int) int { return -1 }

func (textGrammar) secret([]byte, int, int) ([]byte, span, bool) { return nil, span{}, false }

func (textGrammar) end(src []byte, i int) (int, bool) { return i, i < len(src) }

func (textGrammar) appendMark(dst []byte, _ *redactor, _, src []byte, v span) []byte {
	return append(dst, src[v.start:v.end]...)
}

// scriptGrammar is a grammar that is still to be settled.
type scriptGrammar struct{ textGrammar }

// isDataScript reports whether JavaScript begins as JSON does, or as JSON that is
// handed to a function. The texts of programs have names of secrets, too, as labels.
func isDataScript(script []byte) bool {
	script = bytes.TrimLeft(bytes.TrimPrefix(script, []byte("/**/")), " \t\r\n;")
	name := bytes.TrimLeftFunc(script, isNamePart)
	if len(name) == len(script) {
		return len(script) > 0 && (script[0] == '{' || script[0] == '[')
	}
	argument, call := bytes.CutPrefix(name, []byte("("))
	return call && bytes.HasPrefix(bytes.TrimLeft(argument, " \t\r\n"), []byte("{"))
}

// isNamePart reports whether c can be part of the name of a function.
func isNamePart(c rune) bool {
	return c == '_' || c == '$' || c == '.' || unicode.IsLetter(c) || unicode.IsDigit(c)
}

// binaryTypes are beginnings of media types that are no text.
var binaryTypes = []string{
	"image/", "audio/", "video/", "font/", "application/octet-stream", "application/zip", "application/gzip",
	"application/pdf", "application/wasm", "application/grpc", "application/x-protobuf", "application/protobuf",
}

// mayBeText reports whether content of a media type may be text.
func mayBeText(mediaType string) bool {
	lower := strings.ToLower(mediaType)
	for _, binary := range binaryTypes {
		if strings.HasPrefix(lower, binary) {
			return strings.HasPrefix(lower, "image/svg")
		}
	}
	return true
}
