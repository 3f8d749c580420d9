package tail

import (
	"fmt"

	"github.com/necto-dev/necto/record"
)

// failedTLS fills the row for a handshake with a client that failed.
func (p *printer) failedTLS(it *item) {
	f, _ := record.ParseTLSFailed(it.Raw) // what it does not say is zero
	p.stamp(f.Time)
	p.request(head{method: "TLS", status: "ERR", size: unknown, duration: unknown, style: p.styles.bad},
		f.SNI, []string{f.Failure, "client " + f.Client})
}

// tunnel fills the row for a connection that was passed through unread.
func (p *printer) tunnel(it *item) {
	t, _ := record.ParseTunnel(it.Raw) // what it does not say is zero
	p.stamp(t.Started)
	h := head{method: "TUNNEL", status: noStatus, size: sizeText(t.BytesUp + t.BytesDown), duration: durationText(t.Duration)}
	notes := []string{fmt.Sprintf("%s up, %s down", sizeText(t.BytesUp), sizeText(t.BytesDown))}
	if t.Failure != nil {
		h.status, h.style = "ERR", p.styles.bad
		notes = append(notes, failureText(t.Failure))
	}
	p.request(h, t.Target, notes)
}
