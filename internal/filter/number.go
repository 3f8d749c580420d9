package filter

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// span is a range of numbers, both ends included.
type span struct{ from, to int64 }

// numbers decides whether a number is one of those that a clause asks for.
type numbers struct {
	spans   []span
	negated bool // !=
}

func (n *numbers) match(v int64) bool {
	for i := range n.spans {
		if s := &n.spans[i]; s.from <= v && v <= s.to {
			return !n.negated
		}
	}
	return n.negated
}

// unit reads the number of a value.
type unit func(string) (span, bool)

// numbers compiles the values of a clause. what says what they are.
func (p *parser) numbers(c clause, read unit, what string) (*numbers, *SyntaxError) {
	n := &numbers{negated: c.op == opUnequal}
	for _, v := range c.values {
		s, ok := read(v.text)
		if !ok || v.regexp {
			return nil, p.errorAt(v.offset, "", "%q is not %s", v.text, what)
		}
		n.spans = append(n.spans, s.compared(c.op))
	}
	return n, nil
}

// compared returns the numbers for which the operator holds. Those above a class
// are above all of it.
func (s span) compared(op operator) span {
	switch op {
	case opAbove:
		if s.to == math.MaxInt64 {
			return span{from: 1, to: 0} // none
		}
		return span{from: s.to + 1, to: math.MaxInt64}
	case opAtLeast:
		return span{from: s.from, to: math.MaxInt64}
	case opBelow:
		return span{from: math.MinInt64, to: s.from - 1}
	case opAtMost:
		return span{from: math.MinInt64, to: s.to}
	default:
		return s
	}
}

// whole reads 12 and 10-12.
func whole(s string) (span, bool) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return span{}, false
	}
	to, err := strconv.ParseUint(last, 10, 63)
	return span{from: int64(from), to: int64(to)}, err == nil && from <= to
}

// statusCode reads what whole reads, of up to three digits, and 4xx.
func statusCode(s string) (span, bool) {
	if len(s) == 3 && '1' <= s[0] && s[0] <= '9' && strings.EqualFold(s[1:], "xx") {
		first := int64(s[0]-'0') * 100
		return span{from: first, to: first + 99}, true
	}
	n, ok := whole(s)
	return n, ok && n.to <= 999
}

// byteSize reads 512, 1.5MB and 64KiB.
func byteSize(s string) (span, bool) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return span{}, false
	}
	return span{from: int64(n), to: int64(n)}, true
}

// duration reads 1.5s and 1m30s; a number alone is in milliseconds.
func duration(s string) (span, bool) {
	if strings.Trim(s, "0123456789.") == "" {
		s += "ms"
	}
	d, err := time.ParseDuration(strings.ToLower(s))
	return span{from: int64(d), to: int64(d)}, err == nil && d >= 0
}
