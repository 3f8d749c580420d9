package filter

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// numberScan judges by a number that a line has; of reports false if it does not
// say, and canHave judges then.
func numberScan(n *numbers, canHave scan, of func(line) (int64, bool)) scan {
	return func(l line) possible {
		v, ok := of(l)
		switch {
		case !ok:
			return canHave(l)
		case n.match(v):
			return canBeTrue
		default:
			return canBeFalse
		}
	}
}

// durationScan judges dur. The duration is behind all content, so it is looked for
// from the end.
func durationScan(n *numbers) scan {
	const name = `,"ms":`
	return numberScan(n, only(httpLines|lineOpen|lineClose|tunnelLine), func(l line) (int64, bool) {
		if l.kind&(lineHTTP|tunnelLine) == 0 {
			return 0, false
		}
		raw := view(l.raw)
		i := strings.LastIndex(raw, name)
		if i < 0 {
			return 0, false
		}
		digits := raw[i+len(name):]
		if end := strings.IndexAny(digits[:min(len(digits), 32)], ",}"); end >= 0 {
			digits = digits[:end]
		}
		ms, err := strconv.ParseFloat(digits, 64)
		return int64(time.Duration(math.Round(ms*10)) * 100 * time.Microsecond), err == nil
	})
}

// sizeScan judges size.
func sizeScan(n *numbers) scan {
	return numberScan(n, only(exchangeLines|tunnelLine), func(l line) (int64, bool) {
		switch {
		case l.kind == lineFrame:
			return frameSize(view(l.raw))
		case l.kind&httpLines != 0:
			return responseSize(view(l.raw))
		}
		return 0, false
	})
}

// frameSize returns the size of a frame's content, which is on the line only where
// it is not the length on the wire.
func frameSize(raw string) (int64, bool) {
	_, rest, ok := strings.Cut(raw, `,"length":`)
	length, ends := leadingNumber(rest)
	if size, found := strings.CutPrefix(rest[ends:], `,"size":`); ok && found {
		length, ends = leadingNumber(size)
	}
	return length, ok && ends > 0
}

// responseSize returns the size of a response's content as it was on the wire.
func responseSize(raw string) (int64, bool) {
	_, response, ok := strings.Cut(raw, `,"response":{"status":`)
	if !ok {
		return 0, false
	}
	head, body, ok := strings.Cut(response, `,"body":{"size":`)
	size, ends := leadingNumber(body)
	if !ok || ends == 0 || edited(head) {
		return 0, false
	}
	content, wire, coded := strings.Cut(body, `,"wire":{"coding":`)
	if !coded || edited(content) {
		return size, true
	}
	_, wire, ok = strings.Cut(wire, `,"size":`)
	size, ends = leadingNumber(wire)
	return size, ok && ends > 0
}

// edited reports whether what follows text is of another message than the response:
// the origin's side of an exchange.
func edited(text string) bool {
	return strings.Contains(text, `,"sent":{`) || strings.Contains(text, `,"received":{`)
}

// leadingNumber returns the number of up to 18 digits that s begins with, and how
// long it is; 0 for none.
func leadingNumber(s string) (n int64, length int) {
	for length < len(s) && '0' <= s[length] && s[length] <= '9' {
		if length == 18 {
			return 0, 0
		}
		n = n*10 + int64(s[length]-'0')
		length++
	}
	return n, length
}
