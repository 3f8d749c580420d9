package har

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/necto-dev/necto/internal/jsonenc"
)

// appendString appends s as a JSON string. If it is not UTF-8 each byte becomes
// the character of that number.
func appendString(dst []byte, s string) []byte {
	if jsonenc.IsUTF8(s) {
		return jsonenc.AppendQuoted(dst, s)
	}
	return jsonenc.AppendLatin1(dst, s)
}

// The functions below append a member; before is the comma or brace, the name
// and the colon.

func appendText(dst []byte, before, s string) []byte {
	return appendString(append(dst, before...), s)
}

// appendOptional appends the member unless it is empty.
func appendOptional(dst []byte, before, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(dst, before, s)
}

func appendInt(dst []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(dst, before...), n, 10)
}

func appendOptionalInt(dst []byte, before string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return appendInt(dst, before, n)
}

func appendFlag(dst []byte, before string, set bool) []byte {
	if !set {
		return dst
	}
	return append(append(dst, before...), "true"...)
}

// appendMillis appends a number that is at least least, which also stands for
// what JSON has no number for.
func appendMillis(dst []byte, before string, v, least float64) []byte {
	if !(v >= least) || math.IsInf(v, 1) {
		v = least
	}
	return strconv.AppendFloat(append(dst, before...), v, 'f', -1, 64)
}

// appendSeconds appends seconds since 1970 with six decimals: a float64 has just
// room for those, and arithmetic with it would lose the last.
func appendSeconds(dst []byte, before string, t time.Time) []byte {
	dst = append(dst, before...)
	micros := t.UnixMicro()
	if micros < 0 {
		dst, micros = append(dst, '-'), -micros
	}
	dst = append(strconv.AppendInt(dst, micros/1e6, 10), '.')
	start := len(dst)
	dst = strconv.AppendInt(dst, 1e6+micros%1e6, 10) // the 1 keeps the zeros
	return append(dst[:start], dst[start+1:]...)
}

// appendTime appends an instant in ISO 8601: see HAR 1.2 `startedDateTime`. Six
// decimals are what JavaScript reads and a recording has.
func appendTime(dst []byte, before string, t time.Time) []byte {
	return t.UTC().AppendFormat(append(dst, before...), `"2006-01-02T15:04:05.000000Z"`)
}

// appendRaw appends what is JSON already, unless there is none.
func appendRaw(dst []byte, before string, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return dst
	}
	return append(append(dst, before...), raw...)
}

// appendExtra appends members as they were read.
func appendExtra(dst []byte, members []Member) []byte {
	for _, m := range members {
		dst = append(appendString(append(dst, ','), m.Name), ':')
		dst = append(dst, m.Value...)
	}
	return dst
}
