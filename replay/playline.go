package replay

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

// parseTunnel reads a tunnel line. It returns when the tunnel was opened, since
// the session began.
func parseTunnel(raw []byte) (*traffic.Tunnel, time.Duration, error) {
	line, at, err := parseConnection(raw)
	if err != nil {
		return nil, 0, fmt.Errorf("parse tunnel line: %w", err)
	}
	return &traffic.Tunnel{
		Conn:      traffic.ConnID(line.Get("conn").Uint()),
		Client:    line.Get("client").String(),
		Target:    line.Get("target").String(),
		SNI:       line.Get("sni").String(),
		Started:   at,
		BytesUp:   line.Get("bytesUp").Int(),
		BytesDown: line.Get("bytesDown").Int(),
		Duration:  max(0, time.Duration(line.Get("ms").Float()*float64(time.Millisecond))),
	}, micros(line.Get("us").Int()), nil
}

// parseTLSFailed reads a tls line.
func parseTLSFailed(raw []byte) (traffic.TLSFailed, error) {
	line, at, err := parseConnection(raw)
	if err != nil {
		return traffic.TLSFailed{}, fmt.Errorf("parse tls line: %w", err)
	}
	failed := traffic.TLSFailed{
		Conn:    traffic.ConnID(line.Get("conn").Uint()),
		Client:  line.Get("client").String(),
		Time:    at,
		SNI:     line.Get("sni").String(),
		Failure: line.Get("failure").String(),
	}
	for _, name := range line.Get("alpn").Array() {
		failed.ALPN = append(failed.ALPN, name.String())
	}
	return failed, nil
}

// parseConnection reads what lines about connections have in common.
func parseConnection(raw []byte) (gjson.Result, time.Time, error) {
	if !gjson.ValidBytes(raw) {
		return gjson.Result{}, time.Time{}, errors.New("not JSON")
	}
	line := gjson.ParseBytes(raw)
	at, err := time.Parse(time.RFC3339Nano, line.Get("at").String())
	return line, at.UTC(), err
}
