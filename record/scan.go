package record

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
)

// scanBuffer is how much of a file is read at once, unless a line is longer.
const scanBuffer = 512 << 10

// Line is one line of a recording.
type Line struct {
	// Type is the line's type, which may be one this version does not know. ID
	// is the exchange it belongs to, Conn the connection, 0 for none; Conn is 0
	// also for lines that do not begin as this version writes them.
	Type     string
	ID, Conn uint64
	// Offset and Length say where the line is, in bytes, for ReadLine; its end
	// is not counted.
	Offset int64
	Length int
	// Raw is the line without its end, valid only during the call.
	Raw []byte

	numbers int // how much of Raw is type and numbers, 0 if it begins otherwise
}

func newLine(head lineHead, offset int64, raw []byte) Line {
	return Line{
		Type: head.lineType, ID: head.id, Conn: head.conn, Offset: offset, Length: len(raw), Raw: raw, numbers: head.length,
	}
}

// ParseLine returns the line of a recording that raw is, without its end, and keeps
// it. It has no Offset. The error wraps ErrNotRecording.
func ParseLine(raw []byte) (Line, error) {
	if len(raw) > 0 {
		if head := parseHead(raw); head.lineType != "" {
			return newLine(head, 0, raw), nil
		}
	}
	return Line{}, fmt.Errorf("%w: the line has no type", ErrNotRecording)
}

// CanRenumber reports whether the line begins as this version writes it, so that
// AppendRenumbered can be called.
func (l Line) CanRenumber() bool { return l.numbers > 0 }

// AppendRenumbered appends to dst the line, its end included, with other numbers.
// An id or conn that the line does not have is not added.
func (l Line) AppendRenumbered(dst []byte, seq, id, conn uint64) []byte {
	dst = appendType(dst, l.Type, seq)
	numbers := l.Raw[:l.numbers]
	if bytes.Contains(numbers, []byte(`,"id":`)) {
		dst = appendUint(dst, `,"id":`, id)
	}
	if bytes.Contains(numbers, []byte(`,"conn":`)) {
		dst = appendUint(dst, `,"conn":`, conn)
	}
	return append(append(dst, l.Raw[l.numbers:]...), '\n')
}

// Scan calls fn for each line from the first, meta, on. Lines may have any
// length, and only the type and number of them have been looked at. A line that
// is no JSON object, and a last one that was cut off, is left out with a
// warning. An error of fn ends the scan and is returned as it is.
func (f *File) Scan(fn func(Line) error) error {
	if f.once != nil {
		return f.scanOnce(fn)
	}
	return scan(f.path, wholeOf(f.file), f.warn, fn)
}

func scan(name string, r io.Reader, warn func(string), fn func(Line) error) error {
	return scanLines(r, func(offset int64, raw []byte, ended bool) error {
		if len(raw) == 0 {
			return nil
		}
		if !ended && !jsondoc.Valid(raw) {
			warn(fmt.Sprintf("%s: the last line, at byte %d, is cut off", name, offset))
			return nil
		}
		head := parseHead(raw)
		if head.lineType == "" {
			warn(fmt.Sprintf("%s: the line at byte %d is not part of a recording", name, offset))
			return nil
		}
		return fn(newLine(head, offset, raw))
	})
}

// wholeOf reads a file from its beginning, wherever others read or write it.
func wholeOf(file *os.File) io.Reader { return io.NewSectionReader(file, 0, math.MaxInt64) }

// scanLines calls fn for each line of r, with false for one without an end.
func scanLines(r io.Reader, fn func(offset int64, raw []byte, ended bool) error) error {
	buf := make([]byte, scanBuffer)
	held, offset := 0, int64(0) // buf begins with so many bytes, from that offset on
	for {
		n, readErr := r.Read(buf[held:])
		rest, fresh := buf[:held+n], held
		for {
			end := bytes.IndexByte(rest[fresh:], '\n')
			if end < 0 {
				break
			}
			end += fresh
			if err := fn(offset, rest[:end], true); err != nil {
				return err
			}
			rest, fresh = rest[end+1:], 0
			offset += int64(end) + 1
		}
		if readErr == io.EOF {
			return fn(offset, rest, false)
		}
		if readErr != nil {
			return fmt.Errorf("read recording: %w", readErr)
		}
		held = copy(buf, rest)
		if held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// lineHead is what every line begins with.
type lineHead struct {
	lineType      string
	seq, id, conn uint64
	// length is how many bytes these are, 0 if they are not the first members or
	// in another order.
	length int
}

// parseHead reads the beginning of a line, the type of which is "" if it is not
// one. Our own lines have these members first and in order; others are searched.
func parseHead(raw []byte) lineHead {
	rest, ok := bytes.CutPrefix(raw, []byte(`{"type":"`))
	quote := bytes.IndexByte(rest[:min(len(rest), 64)], '"')
	if ok && quote > 0 {
		h := lineHead{lineType: typeName(rest[:quote])}
		rest = rest[quote+1:]
		if rest, ok = cutNumber(rest, `,"seq":`, &h.seq); ok {
			rest, hasID := cutNumber(rest, `,"id":`, &h.id)
			rest, hasConn := cutNumber(rest, `,"conn":`, &h.conn)
			h.length = len(raw) - len(rest)
			if hasID || hasConn || h.lineType == TypeMeta || h.lineType == TypeEnd {
				return h
			}
		}
	}
	return searchHead(raw)
}

func searchHead(raw []byte) lineHead {
	if raw[0] != '{' {
		return lineHead{}
	}
	found := gjson.GetManyBytes(raw, "type", "seq", "id", "conn")
	return lineHead{
		lineType: found[0].String(),
		seq:      found[1].Uint(),
		id:       found[2].Uint(),
		conn:     found[3].Uint(),
	}
}

// typeName returns a type's name without allocating for those of version 1.
func typeName(name []byte) string {
	for _, known := range [...]string{
		TypeHTTP, TypePending, TypeMeta, TypeTLS, TypeTunnel, TypeEnd, TypeWSOpen, TypeWSFrame, TypeWSClose,
	} {
		if string(name) == known {
			return known
		}
	}
	return string(name)
}

// cutNumber reads a number behind prefix. Without them it returns p.
func cutNumber(p []byte, prefix string, n *uint64) ([]byte, bool) {
	if len(p) < len(prefix) || string(p[:len(prefix)]) != prefix {
		return p, false
	}
	i := len(prefix)
	value := uint64(0)
	for ; i < len(p) && '0' <= p[i] && p[i] <= '9'; i++ {
		value = value*10 + uint64(p[i]-'0')
	}
	if i == len(prefix) {
		return p, false
	}
	*n = value
	return p[i:], true
}

// last says where a recording ends and which numbers are taken.
type last struct {
	seq, id, conn uint64
	// redaction is that of the recording, "off" if it does not say.
	redaction string
	// end is the length of the file without a torn last line, in bytes. open
	// means that the last line is whole but for its end.
	end  int64
	open bool
}

// lastOf reads a recording that is to be continued.
func lastOf(file *os.File) (last, error) {
	meta, err := readMeta(file)
	if err != nil {
		return last{}, err
	}
	l := last{redaction: cmp.Or(meta.Redaction, "off")}
	err = scanLines(wholeOf(file), func(offset int64, raw []byte, ended bool) error {
		l.open = !ended && len(raw) > 0 && jsondoc.Valid(raw)
		l.end = offset
		if l.open {
			l.end += int64(len(raw))
		}
		if len(raw) > 0 && (ended || l.open) {
			head := parseHead(raw)
			l.seq, l.id, l.conn = max(l.seq, head.seq), max(l.id, head.id), max(l.conn, head.conn)
		}
		return nil
	})
	return l, err
}
