package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// normalTime is when everything happens in a normalized recording.
var normalTime = time.Unix(0, 0).UTC()

// normalSession is the ULID of every normalized session.
const normalSession = "00000000000000000000000000"

// noTiming says that nothing is known of how long the steps took.
var noTiming = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}

// normalEntry drops what differs from run to run.
func normalEntry(e *record.Entry) {
	e.At, e.Offset, e.Duration, e.Timing = normalTime, 0, 0, noTiming
	e.Client, e.Server = withoutPort(e.Client), withoutPort(e.Server)
	e.Request.URL = withoutPorts(e.Request.URL)
	e.Request.Header = normalFields(e.Request.Header)
	e.Request.Trailer = normalFields(e.Request.Trailer)
	normalBody(e.Request.Body)
	for i := range e.GRPC {
		e.GRPC[i].At = 0
	}
	if e.Failure != nil {
		failure := *e.Failure
		failure.Text = withoutPorts(failure.Text)
		e.Failure = &failure
	}
	if e.Response == nil {
		return
	}
	e.Response.Header = normalFields(e.Response.Header)
	e.Response.Trailer = normalFields(e.Response.Trailer)
	normalBody(e.Response.Body)
	for i := range e.Response.Informational {
		e.Response.Informational[i].Header = normalFields(e.Response.Informational[i].Header)
	}
}

func normalBody(b *record.EntryBody) {
	if b != nil {
		b.Chunks = nil
	}
}

func normalFields(fields traffic.Fields) traffic.Fields {
	var kept traffic.Fields
	for _, f := range fields {
		if !diff.IsVolatileField(f.Name) {
			kept.Add(f.Name, withoutPorts(f.Value))
		}
	}
	return kept
}

// ownPort is a port of this machine, which servers of tests take as it is free.
var ownPort = regexp.MustCompile(`(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}\b`)

func withoutPorts(s string) string {
	if !strings.Contains(s, ":") {
		return s
	}
	return ownPort.ReplaceAllString(s, "${1}:0")
}

// withoutPort drops the port of an address.
func withoutPort(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		return address[:i] + ":0"
	}
	return address
}

func normalMeta(raw []byte) []byte {
	raw = set(raw, "session", normalSession)
	raw = set(raw, "listen", "")
	return normalOther(raw)
}

// normalOther drops what differs from run to run from a line of any type.
func normalOther(raw []byte) []byte {
	raw = set(raw, "at", normalTime.Format("2006-01-02T15:04:05.000000Z"))
	raw = set(raw, "us", 0)
	for _, name := range [...]string{"client", "target"} {
		if value := gjson.GetBytes(raw, name); value.Exists() {
			raw = set(raw, name, withoutPorts(value.String()))
		}
	}
	if gjson.GetBytes(raw, "ms").Exists() {
		raw = set(raw, "ms", 0)
	}
	return raw
}

// aMark is what stands in the place of a secret: the digits are new in each run.
var aMark = regexp.MustCompile(`\{\{redacted:[^{}:]*:[0-9a-f]{8}\}\}`)

// marks numbers the marks of secrets in the order in which they come.
type marks map[string]int

// normal returns a line with its marks numbered, which have the length they had.
func (m marks) normal(raw []byte) []byte {
	if !bytes.Contains(raw, []byte("{{redacted:")) {
		return raw
	}
	return aMark.ReplaceAllFunc(raw, func(mark []byte) []byte {
		digits := len(mark) - len("00000000}}")
		secret := string(mark[digits:])
		n, ok := m[secret]
		if !ok {
			n = len(m) + 1
			m[secret] = n
		}
		return fmt.Appendf(bytes.Clone(mark[:digits]), "%08x}}", n)
	})
}
