package filter

import (
	"bytes"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// Prefilter tells lines of a recording that cannot match from their bytes alone.
// It never changes, so many goroutines may use it.
type Prefilter struct{ judge scan }

func newPrefilter(root node) *Prefilter {
	judge := root.scan()
	if judge == nil {
		return nil
	}
	return &Prefilter{judge: judge}
}

// MayMatch returns false only if the line, of version 1 of the format, cannot
// match. It is always true for a handshake that opened a WebSocket connection and
// for the end of one, as frames between them inherit from it, and for lines that
// are none of traffic.
func (f *Prefilter) MayMatch(raw []byte) bool {
	l := readLine(raw)
	return l.kind&(lineOpen|lineClose|lineOther) != 0 || f.judge(l)&canBeTrue != 0
}

// possible says what a part of an expression can be.
type possible uint8

const (
	canBeTrue possible = 1 << iota
	canBeFalse
	unknown = canBeTrue | canBeFalse
)

// scan judges a line by its bytes.
type scan func(line) possible

// lineKind is a set of line types.
type lineKind uint8

const (
	lineHTTP lineKind = 1 << iota
	linePending
	lineOpen
	lineFrame
	lineClose
	tunnelLine
	tlsLine
	lineOther

	httpLines     = lineHTTP | linePending
	wsLines       = lineOpen | lineFrame | lineClose
	exchangeLines = httpLines | wsLines
)

// line is a line of a recording, as far as its beginning tells.
type line struct {
	raw  []byte
	kind lineKind
	// framed says that dir and opcode are known.
	framed bool
	dir    traffic.Direction
	opcode uint8
}

var lineKinds = map[string]lineKind{
	"http": lineHTTP, "http.pending": linePending, "ws.open": lineOpen, "ws.frame": lineFrame,
	"ws.close": lineClose, "tunnel": tunnelLine, "tls": tlsLine,
}

// headLength is more than what a frame's line has up to its opcode.
const headLength = 256

// readLine reads what is always at the beginning of a line. A line that does not
// begin as the format says is lineOther.
func readLine(raw []byte) line {
	l := line{raw: raw, kind: lineOther}
	rest, ok := strings.CutPrefix(view(raw[:min(len(raw), headLength)]), `{"type":"`)
	if !ok {
		return l
	}
	name, rest, ok := strings.Cut(rest, `","seq":`)
	if kind := lineKinds[name]; ok && kind != 0 {
		l.kind = kind
	}
	if l.kind == lineFrame {
		l.readFrame(rest)
	}
	return l
}

// readFrame reads direction and opcode. No member before them is a text that
// could hold such bytes.
func (l *line) readFrame(rest string) {
	before, rest, ok := strings.Cut(rest, `,"dir":"`)
	if !ok || strings.Contains(before, "{") {
		return
	}
	dir, rest, ok := strings.Cut(rest, `","opcode":`)
	number, _, ends := strings.Cut(rest, ",")
	opcode, isNumber := whole(number)
	if !ok || !ends || !isNumber || opcode.from != opcode.to || opcode.to > 15 {
		return
	}
	switch dir {
	case traffic.ClientToServer.String():
		l.dir = traffic.ClientToServer
	case traffic.ServerToClient.String():
		l.dir = traffic.ServerToClient
	default:
		return
	}
	l.opcode, l.framed = uint8(opcode.from), true
}

func (n *negation) scan() scan {
	judge := n.of.scan()
	if judge == nil {
		return nil
	}
	return func(l line) possible {
		p := judge(l)
		return p>>1 | p<<1&canBeFalse
	}
}

func (g *group) scan() scan {
	var judges []scan
	for _, kid := range g.kids {
		if judge := kid.scan(); judge != nil {
			judges = append(judges, judge)
		}
	}
	if len(judges) == 0 {
		return nil
	}
	all, one := canBeTrue, canBeFalse // and is true with all, false with one
	if g.any {
		all, one = canBeFalse, canBeTrue
	}
	whole := len(judges) == len(g.kids)
	return func(l line) possible {
		p := all
		if !whole {
			p = unknown
		}
		for _, judge := range judges {
			j := judge(l)
			p |= j & one
			if j&all == 0 {
				return one // it decides, whatever the others are
			}
		}
		return p
	}
}

// both is and of two scans.
func both(a, b scan) scan {
	return func(l line) possible {
		first, second := a(l), b(l)
		return first&second&canBeTrue | (first|second)&canBeFalse
	}
}

// only judges what is false on all lines but those.
func only(lines lineKind) scan {
	return func(l line) possible {
		if l.kind&(lines|lineOther) == 0 {
			return canBeFalse
		}
		return unknown
	}
}

// isSocketLine judges ws.
func isSocketLine(l line) possible {
	if l.kind&wsLines != 0 {
		return canBeTrue
	}
	return maybeSocketLine(l)
}

// maybeSocketLine judges what is true only of WebSocket connections. An exchange
// belongs to one if its URL has another scheme than http and https.
func maybeSocketLine(l line) possible {
	switch {
	case l.kind&(wsLines|lineOther) != 0:
		return unknown
	case l.kind&httpLines == 0:
		return canBeFalse
	}
	if _, url, ok := bytes.Cut(l.raw, []byte(`,"url":"`)); ok && len(url) > 0 && url[0]|0x20 == 'h' {
		return canBeFalse
	}
	return unknown
}

// errorLine judges error: an exchange without the member has none.
func errorLine(l line) possible {
	switch {
	case l.kind == lineFrame:
		return canBeFalse
	case l.kind&httpLines != 0 && !bytes.Contains(l.raw, []byte(`"error"`)):
		return canBeFalse
	}
	return unknown
}

// frameScan judges by direction and opcode.
func frameScan(match func(line) bool) scan {
	isFrame := only(lineFrame)
	return func(l line) possible {
		switch {
		case !l.framed:
			return isFrame(l)
		case match(l):
			return canBeTrue
		default:
			return canBeFalse
		}
	}
}

// statusScan judges by the status code. Frames have that of their handshake.
func statusScan(n *numbers) scan {
	return numberScan(n, only(exchangeLines), func(l line) (int64, bool) {
		digits, ok := member(l, `"response":{"status":`, ",")
		status, isNumber := whole(digits)
		return status.from, ok && isNumber && status.from == status.to
	})
}

// methodScan judges by the method.
func methodScan(t *text) scan {
	canHave := only(exchangeLines)
	return func(l line) possible {
		method, ok := member(l, `"request":{"method":"`, `"`)
		switch {
		case !ok || strings.IndexByte(method, '\\') >= 0 || !isASCII(method):
			return canHave(l)
		case t.any(method) != t.negated:
			return canBeTrue
		default:
			return canBeFalse
		}
	}
}

// member returns what is between two marks on the line of an exchange. No string
// can hold the first, as quotes in strings are escaped.
func member(l line, from, to string) (string, bool) {
	if l.kind&httpLines == 0 {
		return "", false
	}
	_, rest, ok := strings.Cut(view(l.raw), from)
	if !ok {
		return "", false
	}
	text, _, ok := strings.Cut(rest, to)
	return text, ok
}

// textScan judges a text that is on checked lines if it is true of them, and
// somewhere else for lines that inherit it. No other lines have it.
func textScan(t *text, checked, inherits lineKind, content bool) scan {
	canHave := only(checked | inherits)
	runs := make([]folded, len(t.all))
	for i := range t.all {
		if t.all[i].run == "" || t.negated {
			return canHave
		}
		runs[i] = newFolded(t.all[i].run)
	}
	return func(l line) possible {
		if l.kind&checked == 0 {
			return canHave(l)
		}
		for i := range runs {
			if runs[i].in(view(l.raw)) {
				return unknown
			}
		}
		if escaped(l.raw) || content && elsewhere(l.raw) {
			return unknown
		}
		return canBeFalse
	}
}

// escaped reports whether the line may spell a character in another way.
func escaped(raw []byte) bool { return bytes.Contains(raw, []byte(`\u`)) }

// elsewhere reports whether content may not be on the line as it is.
func elsewhere(raw []byte) bool {
	return bytes.Contains(raw, []byte(`"base64"`)) || bytes.Contains(raw, []byte(`"file"`))
}
