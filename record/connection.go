package record

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

func (e *encoder) appendTLSFailed(dst []byte, f traffic.TLSFailed) []byte {
	dst = e.begin(dst, TypeTLS)
	dst = appendUint(dst, `,"conn":`, e.baseConn+uint64(f.Conn))
	dst = e.when(dst, f.Time)
	dst = appendMember(dst, "client", f.Client)
	dst = appendMember(dst, "failure", f.Failure)
	dst = appendHello(dst, f.SNI, f.ALPN, f.JA3, f.JA4)
	dst = appendPresent(dst, "target", f.Target)
	dst = appendList(dst, "tags", f.Tags)
	return append(dst, "}\n"...)
}

func (e *encoder) appendTunnel(dst []byte, t *traffic.Tunnel) []byte {
	dst = e.begin(dst, TypeTunnel)
	dst = appendUint(dst, `,"conn":`, e.baseConn+uint64(t.Conn))
	dst = e.when(dst, t.Started)
	dst = appendMember(dst, "client", t.Client)
	dst = appendMember(dst, "target", t.Target)
	dst = appendHello(dst, t.SNI, t.Offered, t.JA3, t.JA4)
	dst = appendUint(dst, `,"bytesUp":`, uint64(t.BytesUp))
	dst = appendUint(dst, `,"bytesDown":`, uint64(t.BytesDown))
	dst = appendFailure(dst, t.Failure)
	dst = append(dst, `,"ms":`...)
	dst = jsonenc.AppendMillis(dst, t.Duration)
	dst = appendList(dst, "tags", t.Tags)
	return append(dst, "}\n"...)
}

// appendHello appends what a client's hello says.
func appendHello(dst []byte, sni string, offered []string, ja3, ja4 string) []byte {
	dst = appendPresent(dst, "sni", sni)
	dst = appendList(dst, "alpn", offered)
	dst = appendPresent(dst, "ja3", ja3)
	return appendPresent(dst, "ja4", ja4)
}

// appendPresent appends a member unless its value is empty.
func appendPresent(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, name, value)
}

// ParseTunnel reads a line of TypeTunnel. After an error the tunnel has what could
// be read.
func ParseTunnel(raw []byte) (*traffic.Tunnel, error) {
	line, at, err := parseConnection(raw)
	t := &traffic.Tunnel{
		Conn:      traffic.ConnID(line.Get("conn").Uint()),
		Client:    line.Get("client").String(),
		Target:    line.Get("target").String(),
		SNI:       line.Get("sni").String(),
		Offered:   stringsOf(line.Get("alpn")),
		JA3:       line.Get("ja3").String(),
		JA4:       line.Get("ja4").String(),
		Tags:      stringsOf(line.Get("tags")),
		Started:   at,
		BytesUp:   max(0, line.Get("bytesUp").Int()),
		BytesDown: max(0, line.Get("bytesDown").Int()),
		Duration:  max(0, time.Duration(line.Get("ms").Float()*float64(time.Millisecond))),
	}
	if failure := line.Get("error"); failure.Exists() {
		t.Failure = parseFailure(failure)
	}
	if err != nil {
		return t, fmt.Errorf("parse tunnel line: %w", err)
	}
	return t, nil
}

// ParseTLSFailed reads a line of TypeTLS. After an error the event has what could be
// read.
func ParseTLSFailed(raw []byte) (traffic.TLSFailed, error) {
	line, at, err := parseConnection(raw)
	f := traffic.TLSFailed{
		Conn:    traffic.ConnID(line.Get("conn").Uint()),
		Client:  line.Get("client").String(),
		Time:    at,
		SNI:     line.Get("sni").String(),
		ALPN:    stringsOf(line.Get("alpn")),
		JA3:     line.Get("ja3").String(),
		JA4:     line.Get("ja4").String(),
		Target:  line.Get("target").String(),
		Tags:    stringsOf(line.Get("tags")),
		Failure: line.Get("failure").String(),
	}
	if err != nil {
		return f, fmt.Errorf("parse tls line: %w", err)
	}
	return f, nil
}

// parseConnection reads what lines about connections have in common.
func parseConnection(raw []byte) (gjson.Result, time.Time, error) {
	if !jsondoc.Valid(raw) {
		return gjson.Result{}, time.Time{}, errors.New("not JSON")
	}
	line := gjson.ParseBytes(raw)
	at, err := time.Parse(time.RFC3339Nano, line.Get("at").String())
	return line, at.UTC(), err
}
