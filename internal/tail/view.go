package tail

import (
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// view returns what a template sees of a line, nil for one that says nothing to
// people.
func (p *formatPrinter) view(it *item) (*View, error) {
	v := &View{
		Type: it.Type, ID: it.ID, Source: p.source,
		terminal: p.o.Width != nil, exchange: it.handshake, source: it.source,
	}
	var err error
	switch it.Type {
	case record.TypeHTTP, record.TypePending, record.TypeWSOpen:
		err = v.setEntry(it)
	case record.TypeWSFrame:
		err = v.setFrame(it)
	case record.TypeWSClose:
		err = v.setClose(it)
	case record.TypeTunnel:
		t, _ := record.ParseTunnel(it.Raw) // what it does not say is zero
		v.setTunnel(t)
	case record.TypeTLS:
		f, _ := record.ParseTLSFailed(it.Raw) // what it does not say is zero
		v.setFailedTLS(f)
	default:
		return nil, nil
	}
	v.Time = v.Time.In(p.o.location())
	return v, err
}

func (v *View) setEntry(it *item) error {
	e, err := it.entry()
	if err != nil {
		return err
	}
	x := e.Exchange(nil)
	v.exchange, v.request = x, e.Request.Body
	v.Time, v.Duration = e.At, e.Duration
	v.setExchange(x)
	v.setURL(x, e.Request.URL)
	if v.request != nil {
		v.RequestSize = v.request.Size
	}
	if r := e.Response; r != nil && r.Body != nil {
		v.body, v.Size = r.Body, r.Body.Size
	}
	if e.Failure != nil {
		v.Error = v.clean(failureText(e.Failure))
	}
	return nil
}

// setExchange fills in what all lines of an exchange or a connection have.
func (v *View) setExchange(x *traffic.Exchange) {
	if x == nil {
		return
	}
	v.Conn, v.Client, v.Server = uint64(x.Conn), v.clean(x.Client), v.clean(x.Server)
	v.Method, v.Proto = v.clean(x.Request.Method), v.clean(x.Request.Proto)
	if r := x.Response; r != nil {
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		v.Status, v.Reason, v.ContentType = r.Status, v.clean(r.Reason), v.clean(strings.TrimSpace(kind))
	}
	for _, rule := range x.Rules {
		v.Rules = append(v.Rules, v.clean(rule))
	}
	for _, tag := range x.Tags {
		v.Tags = append(v.Tags, v.clean(tag))
	}
}

// setURL fills in the URL and its parts.
func (v *View) setURL(x *traffic.Exchange, url string) {
	v.URL = v.clean(url)
	scheme, _, _ := strings.Cut(url, "://")
	query, _ := x.Request.URL.Query()
	v.Scheme, v.Host = v.clean(scheme), v.clean(x.Request.URL.Authority)
	v.Path, v.Query = v.clean(x.Request.URL.Path()), v.clean(query)
}

// setHandshake fills in what frames and the end of a connection have of it.
func (v *View) setHandshake() {
	if v.exchange == nil {
		return
	}
	v.setExchange(v.exchange)
	v.setURL(v.exchange, v.exchange.Request.URL.WebSocket().String())
}

func (v *View) setFrame(it *item) error {
	f, err := it.frame()
	if err != nil {
		return err
	}
	v.setHandshake()
	v.Time, v.Frame, v.Direction, v.Size = f.At, f.N, f.Dir.String(), f.Body.Size
	v.Opcode, v.body = opcodeName(f.Opcode), &f.Body
	return nil
}

func (v *View) setClose(it *item) error {
	c, err := it.end()
	if err != nil {
		return err
	}
	v.setHandshake()
	v.Time, v.Duration, v.Code, v.Reason = c.At, c.Duration, c.Code, v.clean(c.Reason)
	return nil
}

func (v *View) setTunnel(t *traffic.Tunnel) {
	v.Time, v.Duration, v.Conn = t.Started, t.Duration, uint64(t.Conn)
	v.Client, v.Host = v.clean(t.Client), v.clean(t.Target)
	v.RequestSize, v.Size = t.BytesUp, t.BytesDown
	if t.Failure != nil {
		v.Error = v.clean(failureText(t.Failure))
	}
}

func (v *View) setFailedTLS(f traffic.TLSFailed) {
	v.Time, v.Conn = f.Time, uint64(f.Conn)
	v.Client, v.Host, v.Error = v.clean(f.Client), v.clean(f.SNI), v.clean(f.Failure)
}
