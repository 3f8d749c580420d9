package tail

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxContent is how much of a frame is printed or searched, in bytes. Proxies
// keep less.
const maxContent = 64 << 20

// rsv1 is the reserved bit that marks a compressed message (RFC 7692 section 6).
const rsv1 = 4

// prettyPrefix begins the further lines of JSON.
const prettyPrefix = "    "

// frame prints a frame.
func (p *Printer) frame(l record.Line) error {
	if !p.o.conversations() {
		return nil
	}
	conn := p.conns.of(l.ID)
	if !p.o.scheme(conn.scheme) {
		return nil
	}
	if p.o.JSON && !p.o.framesOnly() {
		return p.raw(l)
	}
	f, err := record.ParseFrame(l.Raw)
	if err != nil || !p.o.head(f) {
		return err
	}
	content, err := p.content(&f.Body)
	switch {
	case err != nil:
		return p.write(p.appendUnread(p.line[:0], f, err))
	case !p.o.contains(content):
		return nil
	case p.o.JSON:
		return p.raw(l)
	}
	return p.write(p.appendFrame(p.line[:0], f, content))
}

// content returns the content of a frame.
func (p *Printer) content(b *record.EntryBody) ([]byte, error) {
	if b.File == "" {
		return b.Inline, nil
	}
	if p.o.Bodies == nil {
		return nil, errors.New("its content is in the folder beside the recording")
	}
	r, err := p.o.Bodies.OpenBody(b)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxContent))
}

// appendUnread appends a frame whose content is not at hand.
func (p *Printer) appendUnread(dst []byte, f *record.FrameEntry, err error) []byte {
	dst = p.begin(dst, f)
	dst = append(dst, name(f)+" "+sizeText(f.Body.Size)...)
	return p.notes(dst, append(notesOf(f), err.Error()))
}

// begin appends what the line of a frame begins with.
func (p *Printer) begin(dst []byte, f *record.FrameEntry) []byte {
	dst = p.stamp(dst, f.At)
	dst = append(dst, p.conns.label(f.ID)...)
	if f.Dir == traffic.ClientToServer {
		return append(dst, p.styles.client.Sprint("-->")+"  "...)
	}
	return append(dst, p.styles.server.Sprint("<--")+"  "...)
}

func (p *Printer) appendFrame(dst []byte, f *record.FrameEntry, content []byte) []byte {
	dst = p.begin(dst, f)
	shown := false // whether the content is
	switch {
	case f.RSV&rsv1 != 0 && !f.Decoded && f.Length > 0:
		dst = fmt.Appendf(dst, "%s %s, compressed", name(f), sizeText(f.Body.Size))
	case f.Opcode == traffic.OpClose:
		dst, shown = p.appendClose(dst, content), true
	case f.Opcode == traffic.OpPing || f.Opcode == traffic.OpPong:
		dst, shown = p.appendControl(dst, f, content), true
	case isTextFrame(f, content):
		dst, shown = p.appendText(dst, content), true
	default:
		dst = p.appendBinary(dst, f, content)
	}
	dst = p.notes(dst, notesOf(f))
	if p.o.Hex && !shown && len(content) > 0 {
		dst = append(dst, "\n"+strings.TrimSuffix(hex.Dump(content), "\n")...)
	}
	return dst
}

// isTextFrame reports whether content is printed as text. A continuation does not
// say what it continues.
func isTextFrame(f *record.FrameEntry, content []byte) bool {
	return f.Opcode == traffic.OpText || f.Opcode == traffic.OpContinuation && isText(content)
}

// appendText appends text on one line, or JSON over several if that is asked for.
func (p *Printer) appendText(dst, content []byte) []byte {
	var pretty bytes.Buffer
	if !p.o.Pretty || json.Indent(&pretty, content, prettyPrefix, "  ") != nil {
		return appendSafe(dst, content)
	}
	for i, line := range bytes.Split(pretty.Bytes(), []byte{'\n'}) {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = appendSafe(dst, line)
	}
	return dst
}

func (p *Printer) appendBinary(dst []byte, f *record.FrameEntry, content []byte) []byte {
	dst = fmt.Appendf(dst, "%s %s", name(f), sizeText(f.Body.Size))
	kind := detect(content)
	if kind != "" {
		dst = append(dst, ", "+kind...)
	}
	if kind == kindJSON && p.o.Pretty {
		dst = p.appendText(append(dst, ": "...), content)
	}
	return dst
}

// appendControl appends a ping or pong, with its payload if it has one.
func (p *Printer) appendControl(dst []byte, f *record.FrameEntry, content []byte) []byte {
	dst = append(dst, p.styles.dim.Sprint(name(f))...)
	switch {
	case len(content) == 0:
		return dst
	case isText(content):
		return appendSafe(append(dst, ' '), content)
	default:
		return hex.AppendEncode(append(dst, " 0x"...), content)
	}
}

// appendClose appends a close frame, whose content is a code and a reason (RFC
// 6455 section 5.5.1).
func (p *Printer) appendClose(dst, content []byte) []byte {
	if len(content) < 2 {
		return append(dst, p.styles.warn.Sprint("CLOSE")...)
	}
	code := int(binary.BigEndian.Uint16(content))
	dst = append(dst, p.closeStyle(code).Sprint("CLOSE "+closeText(code))...)
	if len(content) > 2 {
		dst = appendSafe(append(dst, ": "...), content[2:])
	}
	return dst
}

// closeStyle returns the colour of a close code.
func (p *Printer) closeStyle(code int) *color.Color {
	switch code {
	case 1000, 1001, 1005:
		return p.styles.good
	default:
		return p.styles.bad
	}
}

// name returns the name of a frame's opcode in capitals.
func name(f *record.FrameEntry) string {
	for name, op := range opcodeNames {
		if op == f.Opcode {
			return strings.ToUpper(name)
		}
	}
	return fmt.Sprintf("OPCODE 0x%x", uint8(f.Opcode))
}

// notesOf says what is special about a frame.
func notesOf(f *record.FrameEntry) []string {
	var notes []string
	switch {
	case f.Opcode == traffic.OpContinuation && f.Fin:
		notes = append(notes, "last fragment")
	case f.Opcode == traffic.OpContinuation || !f.Fin:
		notes = append(notes, "fragment")
	}
	for _, flag := range [...]struct {
		set  bool
		note string
	}{
		{f.Body.Truncated, "cut, " + sizeText(f.Body.Size) + " in all"},
		{f.Injected, "injected"},
		{f.Dropped, "dropped"},
		{f.Edited, "edited"},
	} {
		if flag.set {
			notes = append(notes, flag.note)
		}
	}
	return append(notes, f.Anomalies...)
}
