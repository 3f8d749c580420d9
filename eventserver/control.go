package eventserver

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// The events of the namespace "/" that carry no traffic.
const (
	eventClear          = "traffic:clear"
	eventHit            = "breakpoint:hit"
	eventResumed        = "breakpoint:resumed"
	eventTimeout        = "breakpoint:timeout"
	eventRuleCreated    = "rule:created"
	eventRuleUpdated    = "rule:updated"
	eventRuleToggled    = "rule:toggled"
	eventRuleDeleted    = "rule:deleted"
	eventRulesReordered = "rules:reordered"
	eventSessionCreated = "session:created"
	eventSessionUpdated = "session:updated"
	eventSessionDeleted = "session:deleted"
	eventProxyStarted   = "proxy:started"
	eventProxyStopped   = "proxy:stopped"
	eventProxyError     = "proxy:error"
	eventCertificate    = "certificate:installed"
)

// observeControl notes what is not part of an exchange's traffic.
func (s *Server) observeControl(e traffic.Event) {
	switch e := e.(type) {
	case traffic.BreakpointHit:
		s.hits.begin(e.Hit)
		s.held(e.Hit, eventHit)
	case traffic.BreakpointResumed:
		s.hits.end(e.Hit)
		s.held(e.Hit, eventResumed)
	case traffic.BreakpointTimedOut:
		s.hits.end(e.Hit)
		s.held(e.Hit, eventTimeout)
	case traffic.CertIssued:
		s.publish(eventCertificate, encodeText(e.Name))
	case traffic.TLSFailed:
		s.ProxyFailed("TLS handshake with " + e.Client + " failed: " + e.Text)
	case traffic.ClientError:
		s.ProxyFailed("request of " + e.Client + " refused: " + e.Failure.Text)
	default: // NectoProxy has no event for it
	}
}

// held notes that a hit began or ended. Somebody waits: it goes out at once.
func (s *Server) held(h *traffic.Hit, name string) {
	d := &details{hit: h, control: event{name: name}}
	if name == eventHit {
		d.request, d.response = contentOf(h.RequestBody), contentOf(h.ResponseBody)
	}
	s.note(d, weight{urgent: true, bytes: d.cost()})
}

// publish notes a control event, which goes out at once. args is its argument;
// an event without one has no text.
func (s *Server) publish(name string, args encoded) {
	s.note(&details{control: event{name: name, args: args}}, weight{urgent: true, bytes: args.cost()})
}

func encodeText(s string) encoded { return encoded{text: jsonenc.AppendText(nil, s)} }

// encodeValue encodes what encoding/json knows to encode, which is all that it is
// called with.
func encodeValue(v any) encoded {
	text, err := json.Marshal(v)
	if err != nil {
		return encodeText(err.Error())
	}
	return encoded{text: text}
}

// hitPrefix makes the ids of hits look like what they are.
const hitPrefix = "hit-"

func formatHit(id traffic.HitID) string { return hitPrefix + strconv.FormatUint(uint64(id), 10) }

func parseHit(s string) (traffic.HitID, bool) {
	digits, ok := strings.CutPrefix(s, hitPrefix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return traffic.HitID(n), ok && err == nil
}

// hitID writes the id of a hit as clients have it.
func (w *jsonWriter) hitID(it *item) { w.str("", formatHit(it.details.hit.ID)) }

// held writes the update of an exchange that a breakpoint holds, or no more.
func (w *jsonWriter) held(it *item) {
	w.id(`{"id":`, it.x.ID, "")
	w.bool(`,"isBreakpointed":`, it.details.control.name == eventHit)
	w.raw("}")
}

// hit writes a BreakpointHit.
func (w *jsonWriter) hit(it *item) {
	h := it.details.hit
	w.str(`{"id":`, formatHit(h.ID))
	w.str(`,"breakpointId":`, h.Breakpoint)
	w.id(`,"trafficId":`, h.Exchange.ID, "")
	w.str(`,"type":`, string(h.Phase))
	w.int(`,"timestamp":`, h.Time.UnixMilli())
	if !h.Deadline.IsZero() {
		w.int(`,"deadline":`, h.Deadline.UnixMilli())
	}
	w.str(`,"method":`, h.Request.Method)
	w.str(`,"url":`, h.Request.URL.String())
	w.headers(`,"requestHeaders":`, h.Request.Header)
	cut := w.hitBody(`,"requestBody":`, &it.details.request, h.Request.Header)
	if h.Response != nil {
		w.response(h.Response)
		cut = w.hitBody(`,"responseBody":`, &it.details.response, h.Response.Header) || cut
	}
	if h.Frame != nil {
		w.str(`,"direction":`, h.Frame.Dir.String())
		w.int(`,"opcode":`, int64(h.Frame.Opcode))
		w.base64(`,"data":`, h.Frame.Payload)
	}
	if h.Fixed != "" {
		w.str(`,"bodyFixed":`, h.Fixed)
	}
	w.flag(`,"isTruncated":true`, cut)
	w.raw("}")
}

func (w *jsonWriter) hitBody(name string, c *content, header traffic.Fields) (cut bool) {
	p := c.preview(header)
	w.binary(name, p.data)
	return p.cut
}
