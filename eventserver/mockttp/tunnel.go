package mockttp

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// tunnel writes a TlsPassthroughEvent or a RawPassthroughEvent; closed says that
// the tunnel has ended.
func (w *writer) tunnel(c clock, id string, t *traffic.Tunnel, closed bool) {
	secure := isTLS(t)
	w.str(`{"id":`, id)
	w.destination(t.Target)
	w.remote(t.Client)
	tags := clientTags(t.Tags)
	var ended time.Time
	if closed {
		ended = t.Started.Add(t.Duration)
		if t.Failure != nil && t.Failure.Kind != traffic.FailShutdown {
			tags = append(tags, tunnelErrorTag(secure)+codeOf(t.Failure))
		}
	}
	w.list(`,"tags":`, tags)
	w.connectionTiming(c, t.Steps, t.Started)
	w.timestamp(`,"disconnectTimestamp":`, c, ended)
	w.raw("}")
	if secure {
		w.tlsMetadata(t.SNI, t.Offered, t.JA3, t.JA4)
	}
	w.raw("}")
}

func tunnelErrorTag(secure bool) string {
	if secure {
		return "tls-passthrough-error:"
	}
	return "raw-passthrough-error:"
}

// clientTags returns labels of a client as tags.
func clientTags(labels []string) []string {
	tags := make([]string, len(labels))
	for i, label := range labels {
		tags[i] = clientTag + label
	}
	return tags
}

// connectionTiming writes ConnectionTimingEvents or TlsTimingEvents, without the
// end. began is when what they are about did, for connections whose steps are not
// known.
func (w *writer) connectionTiming(c clock, steps traffic.ConnSteps, began time.Time) {
	if steps.Accepted.IsZero() {
		steps.Accepted = began
	}
	w.startTime(`,"timingEvents":{"startTime":`, c, steps.Accepted)
	w.timestamp(`,"connectTimestamp":`, c, steps.Accepted)
	w.timestamp(`,"tunnelTimestamp":`, c, steps.Tunnel)
	w.timestamp(`,"handshakeTimestamp":`, c, steps.Handshake)
}

// tlsMetadata writes TlsSocketMetadata.
func (w *writer) tlsMetadata(sni string, alpn []string, ja3, ja4 string) {
	w.raw(`,"tlsMetadata":`)
	sep := "{"
	member := func(name, value string) {
		if value != "" {
			w.str(sep+name, value)
			sep = ","
		}
	}
	member(`"sniHostname":`, sni)
	if len(alpn) > 0 {
		w.list(sep+`"clientAlpn":`, alpn)
		sep = ","
	}
	member(`"ja3Fingerprint":`, ja3)
	member(`"ja4Fingerprint":`, ja4)
	if sep == "{" {
		w.raw(sep)
	}
	w.raw("}")
}

// tunnelData writes a RawPassthroughDataEvent.
func (w *writer) tunnelData(c clock, id string, dir traffic.Direction, at time.Time, data []byte) {
	w.str(`{"id":`, id)
	w.str(`,"direction":`, directionOf(dir))
	w.binary(`,"content":`, data)
	w.timestamp(`,"eventTimestamp":`, c, at)
	w.raw("}")
}

// causes has Mockttp's words for why a handshake failed by those of
// traffic.TLSFailed; for all others it has only "unknown".
var causes = map[string]string{
	"cert-rejected": "cert-rejected", "no-shared-cipher": "no-shared-cipher",
	"closed": "closed", "reset": "reset", "timeout": "handshake-timeout",
}

// tlsClientError writes a TlsHandshakeFailure.
func (w *writer) tlsClientError(c clock, f *traffic.TLSFailed) {
	cause := causes[f.Failure]
	if cause == "" {
		cause = "unknown"
	}
	w.str(`{"failureCause":`, cause)
	w.remote(f.Client)
	w.list(`,"tags":`, clientTags(f.Tags))
	w.destination(f.Target)
	w.connectionTiming(c, f.Steps, f.Time)
	w.timestamp(`,"failureTimestamp":`, c, f.Time)
	w.raw("}")
	w.tlsMetadata(f.SNI, f.ALPN, f.JA3, f.JA4)
	w.raw("}")
}
