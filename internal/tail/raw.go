package tail

import (
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

// tunnelOf reads a tunnel line. What it does not say is zero.
func tunnelOf(raw []byte) *traffic.Tunnel {
	line := gjson.ParseBytes(raw)
	return &traffic.Tunnel{
		Conn:   traffic.ConnID(line.Get("conn").Uint()),
		Client: line.Get("client").String(),
		Target: line.Get("target").String(), SNI: line.Get("sni").String(),
		Started: timeOf(line), BytesUp: line.Get("bytesUp").Int(), BytesDown: line.Get("bytesDown").Int(),
		Duration: time.Duration(line.Get("ms").Num * float64(time.Millisecond)),
	}
}

// failedTLSOf reads a tls line. What it does not say is zero.
func failedTLSOf(raw []byte) *traffic.TLSFailed {
	line := gjson.ParseBytes(raw)
	f := &traffic.TLSFailed{
		Conn:   traffic.ConnID(line.Get("conn").Uint()),
		Client: line.Get("client").String(),
		Time:   timeOf(line), SNI: line.Get("sni").String(), Failure: line.Get("failure").String(),
	}
	for _, protocol := range line.Get("alpn").Array() {
		f.ALPN = append(f.ALPN, protocol.String())
	}
	return f
}

// failedTLS fills the row for a handshake with a client that failed.
func (p *printer) failedTLS(it *item) {
	f := failedTLSOf(it.Raw)
	p.stamp(f.Time)
	p.request(head{method: "TLS", status: "ERR", size: unknown, duration: unknown, style: p.styles.bad},
		f.SNI, []string{f.Failure, "client " + f.Client})
}

// tunnel fills the row for a connection that was passed through unread.
func (p *printer) tunnel(it *item) {
	t := tunnelOf(it.Raw)
	p.stamp(t.Started)
	p.request(head{method: "TUNNEL", status: noStatus, size: sizeText(t.BytesUp + t.BytesDown), duration: durationText(t.Duration)},
		t.Target, []string{fmt.Sprintf("%s up, %s down", sizeText(t.BytesUp), sizeText(t.BytesDown))})
}
