package tail

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// matches reports whether the filter selects a line. Lines of types that mean
// nothing to it are selected if there is no filter.
func (r *reader) matches(it *item) (bool, error) {
	if r.o.Filter == nil {
		return true, nil
	}
	s, err := r.subject(it)
	if s == nil || err != nil {
		return false, err
	}
	return r.o.Filter.Match(s), nil
}

// subject returns what the filter looks at, nil for a line that it knows nothing
// about.
func (r *reader) subject(it *item) (*filter.Subject, error) {
	s := &filter.Subject{Session: r.session, Exchange: it.handshake}
	switch it.Type {
	case record.TypeHTTP, record.TypePending, record.TypeWSOpen:
		e, err := it.entry()
		if err != nil {
			return nil, err
		}
		s.Exchange, s.Pending = e.Exchange(nil), it.Type == record.TypePending
		s.Content = r.o.Protos.Content(s.Exchange, contentOf(it, e))
		return s, nil
	case record.TypeWSFrame:
		return r.frameSubject(it, s)
	case record.TypeWSClose:
		c, err := it.end()
		if err != nil {
			return nil, err
		}
		s.Close = &c.WSClose
		return s, nil
	case record.TypeTunnel:
		s.Tunnel, _ = record.ParseTunnel(it.Raw) // what it does not say is zero
		return s, nil
	case record.TypeTLS:
		failed, _ := record.ParseTLSFailed(it.Raw) // what it does not say is zero
		s.TLSFailed = &failed
		return s, nil
	}
	return nil, nil
}

// frameSubject adds a frame, with content from beside the recording only if the
// filter asks for content.
func (r *reader) frameSubject(it *item, s *filter.Subject) (*filter.Subject, error) {
	f, err := it.frame()
	if err != nil {
		return nil, err
	}
	if it.handshake == nil && !r.unknown {
		r.unknown = true
		r.Warn(fmt.Sprintf("%s: the handshake of connection %s is not in the recording: nothing is known of its URL and headers",
			r.source.Name(), numbered(it.ID)))
	}
	s.Frame = f.Frame(it.handshake)
	if f.Body.File != "" && r.o.Filter.NeedsContent() {
		if s.Frame.Payload, err = readContent(it.source, &f.Body); err != nil {
			r.Warn(fmt.Sprintf("%s: frame %d of connection %s: %v", r.source.Name(), f.N, numbered(it.ID), err))
		}
	}
	return s, nil
}

// contentOf returns how to read the content of an exchange.
func contentOf(it *item, e *record.Entry) func(traffic.Direction) []byte {
	return func(dir traffic.Direction) []byte {
		body := e.Request.Body
		if dir == traffic.ServerToClient {
			if e.Response == nil {
				return nil
			}
			body = e.Response.Body
		}
		content, err := readContent(it.source, body)
		if err != nil {
			return nil
		}
		return content
	}
}

// stampLayout is how lines spell times: as text they sort as the times do.
const stampLayout = "2006-01-02T15:04:05.000000Z"

// atOf returns when a line was, as it is spelled in our own lines.
func atOf(raw []byte) string {
	_, stamp, _ := bytes.Cut(raw[:min(len(raw), 128)], []byte(`,"at":"`))
	if len(stamp) > len(stampLayout) && stamp[len(stampLayout)] == '"' {
		return string(stamp[:len(stampLayout)])
	}
	return timeOf(gjson.ParseBytes(raw)).UTC().Format(stampLayout)
}

// timeOf returns when a line was, the zero time if it does not say.
func timeOf(line gjson.Result) time.Time {
	at, err := time.Parse(time.RFC3339Nano, line.Get("at").String())
	if err != nil {
		return time.Time{}
	}
	return at
}
