package tail

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// rsv1 is the reserved bit that marks a compressed message (RFC 7692 section 6).
const rsv1 = 4

// frame fills the row for a frame.
func (p *printer) frame(it *item) error {
	f, err := it.frame()
	if err != nil {
		return err
	}
	client := f.Dir == traffic.ClientToServer
	p.stamp(f.At)
	p.row.add(it.label)
	indent := p.row.width
	p.row.styled(p.styles.side(client), arrow(f.Dir))
	p.row.add(gap)
	content, err := readContent(it.source, &f.Body)
	if err != nil {
		p.row.add(name(f) + " " + sizeText(f.Body.Size))
		p.end(notesText(append(notesOf(f), err.Error())))
	} else {
		p.payload(f, content)
	}
	if f.Original != nil {
		p.original(it, f, indent)
	}
	return nil
}

// original appends what an edited frame was, on a line of its own below it.
func (p *printer) original(it *item, f *record.FrameEntry, indent int) {
	p.row.text = append(p.row.text, '\n')
	p.row.width = 0
	p.row.add(strings.Repeat(" ", indent))
	p.row.styled(p.styles.dim, "was")
	p.row.add(gap)
	content, err := readContent(it.source, f.Original)
	switch {
	case err != nil:
		p.row.add(sizeText(f.Original.Size))
		p.end(notesText([]string{err.Error()}))
	case isText(content):
		p.text(content, "")
	default:
		p.binary(f, f.Original, content)
	}
}

// arrow is the sign of a direction.
func arrow(dir traffic.Direction) string {
	if dir == traffic.ClientToServer {
		return "-->"
	}
	return "<--"
}

// payload appends the content of a frame and what there is to say of it.
func (p *printer) payload(f *record.FrameEntry, content []byte) {
	notes := notesText(notesOf(f))
	shown := false // whether the content is
	switch {
	case f.RSV&rsv1 != 0 && !f.Decoded && f.Length > 0:
		p.row.add(name(f) + " " + sizeText(f.Body.Size) + ", compressed")
	case f.Opcode == traffic.OpClose:
		p.closeFrame(content, notes)
		shown = true
	case f.Opcode == traffic.OpPing || f.Opcode == traffic.OpPong:
		p.control(f, content, notes)
		shown = true
	case isTextFrame(f, content):
		p.text(content, notes)
		shown = true
	default:
		p.binary(f, &f.Body, content)
	}
	p.end(notes)
	if p.o.Hex && !shown && len(content) > 0 {
		p.row.text = append(p.row.text, "\n"+strings.TrimSuffix(hex.Dump(content), "\n")...)
	}
}

// isTextFrame reports whether content is printed as text. A continuation does not
// say what it continues.
func isTextFrame(f *record.FrameEntry, content []byte) bool {
	return f.Opcode == traffic.OpText || f.Opcode == traffic.OpContinuation && isText(content)
}

// text appends text on one line, as much of it as leaves room for the notes; or
// JSON over several lines if that is asked for.
func (p *printer) text(content []byte, notes string) {
	if p.o.Pretty {
		if pretty, ok := indented(content); ok {
			p.lines(pretty, prettyPrefix)
			return
		}
	}
	p.oneLine(content, notes)
}

// oneLine appends text on one line, as much of it as leaves room for the notes.
func (p *printer) oneLine(content []byte, notes string) {
	room, fits := p.row.room(p.layout.width, columns(notes), 0)
	if !fits {
		p.row.text = appendSafe(p.row.text, content)
		return
	}
	begin, all := clip(content, room)
	text := string(appendSafe(nil, begin))
	if !all {
		text += ellipsis + strings.Repeat(" ", room) // so that it is cut
	}
	p.row.add(cutEnd(text, room))
}

// binary appends what content is that is not text.
func (p *printer) binary(f *record.FrameEntry, b *record.EntryBody, content []byte) {
	p.row.add(name(f) + " " + sizeText(b.Size))
	kind := detect(content)
	if kind != "" {
		p.row.add(", " + kind)
	}
	if pretty, ok := indented(content); ok && kind == kindJSON && p.o.Pretty {
		p.row.add(": ")
		p.lines(pretty, prettyPrefix)
	}
}

// control appends a ping or pong, with its payload if it has one.
func (p *printer) control(f *record.FrameEntry, content []byte, notes string) {
	p.row.styled(p.styles.dim, name(f))
	switch {
	case len(content) == 0:
	case isText(content):
		p.row.add(" ")
		p.oneLine(content, notes)
	default:
		p.row.add(" ")
		p.oneLine([]byte("0x"+hex.EncodeToString(content)), notes)
	}
}

// closeFrame appends a close frame, whose content is a code and a reason (RFC
// 6455 section 5.5.1).
func (p *printer) closeFrame(content []byte, notes string) {
	if len(content) < 2 {
		p.row.styled(p.styles.warn, "CLOSE")
		return
	}
	code := int(binary.BigEndian.Uint16(content))
	p.row.styled(p.closeStyle(code), "CLOSE "+closeText(code))
	if len(content) > 2 {
		p.row.add(": ")
		p.oneLine(content[2:], notes)
	}
}

// closeStyle returns the colour of a close code.
func (p *printer) closeStyle(code int) *colour {
	switch code {
	case 1000, 1001, 1005:
		return p.styles.good
	default:
		return p.styles.bad
	}
}

// name returns the name of a frame's opcode in capitals.
func name(f *record.FrameEntry) string {
	if name := opcodeName(f.Opcode); name != "" {
		return strings.ToUpper(name)
	}
	return fmt.Sprintf("OPCODE 0x%x", uint8(f.Opcode))
}

// opcodeName returns the name of an opcode, "" for a reserved one.
func opcodeName(op traffic.Opcode) string {
	switch op {
	case traffic.OpContinuation:
		return "continuation"
	case traffic.OpText:
		return "text"
	case traffic.OpBinary:
		return "binary"
	case traffic.OpClose:
		return "close"
	case traffic.OpPing:
		return "ping"
	case traffic.OpPong:
		return "pong"
	}
	return ""
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
	for _, rule := range f.Rules {
		notes = append(notes, "rule "+rule)
	}
	return append(notes, f.Anomalies...)
}
