package record

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// encoder makes lines. It belongs to one goroutine.
type encoder struct {
	start time.Time
	seq   uint64
	// baseID and baseConn are added to the numbers of this run, which begin
	// at 1, so that they go on after those of a recording that is appended to.
	baseID, baseConn uint64

	stamps  stamper
	classes classes
	redact  *redactor // nil to keep secrets
	bodies  bodyStore
	scan    scanner
	// fragments has the messages of WebSocket connections that have begun.
	fragments fragments
	// final says that the line that was made last cannot be made again.
	final bool
	value []byte // scratch: a redacted value
	text  []byte // scratch: a query before redaction
}

func newEncoder(path string, o Options) encoder {
	e := encoder{start: time.Now(), classes: classes{}, fragments: fragments{}}
	e.bodies.sidecar.dir = bodiesDir(path)
	e.bodies.inlineMax = o.InlineMax
	if o.InlineMax == 0 {
		e.bodies.inlineMax = defaultInlineMax
	}
	if o.Redaction == "auto" {
		e.redact = newRedactor()
		if p, err := compilePatterns(o.Redact); err == nil { // as create has found
			e.redact.use(p)
		}
	}
	return e
}

// useNews makes the encoder look for the secrets that somebody has left there, if
// it looks for any.
func (e *encoder) useNews(news *atomic.Pointer[patterns]) {
	if news.Load() == nil {
		return
	}
	if p := news.Swap(nil); e.redact != nil {
		e.redact.use(*p)
	}
}

// begin begins a line of the given type, which ends with "}\n".
func (e *encoder) begin(dst []byte, lineType string) []byte {
	e.seq++
	return appendType(dst, lineType, e.seq)
}

// when appends at and us.
func (e *encoder) when(dst []byte, t time.Time) []byte {
	return e.stamps.appendWhen(dst, t, t.Sub(e.start))
}

// appendWhen appends at and us.
func (s *stamper) appendWhen(dst []byte, t time.Time, offset time.Duration) []byte {
	dst = append(dst, `,"at":"`...)
	dst = s.append(dst, t)
	return appendUint(dst, `","us":`, uint64(max(0, offset.Microseconds())))
}

// appendMeta appends the line that begins a run.
func (e *encoder) appendMeta(dst []byte, session string, o Options) []byte {
	dst = e.begin(dst, TypeMeta)
	dst = append(dst, `,"format":"`+format+`"`...)
	dst = appendUint(dst, `,"v":`, Version)
	dst = appendMember(dst, "session", session)
	dst = e.when(dst, e.start)
	dst = append(dst, `,"tool":"necto"`...)
	dst = appendMember(dst, "toolVersion", o.ToolVersion)
	dst = appendMember(dst, "mode", o.Mode)
	dst = appendMember(dst, "listen", o.Listen)
	dst = appendMember(dst, "redaction", o.Redaction)
	return append(dst, "}\n"...)
}

// appendEnd appends the line that ends a run. Nothing is ever dropped.
func (e *encoder) appendEnd(dst []byte, t time.Time, c Counts) []byte {
	dst = e.begin(dst, TypeEnd)
	dst = e.when(dst, t)
	dst = appendUint(dst, `,"exchanges":`, uint64(c.Exchanges))
	dst = appendUint(dst, `,"websockets":`, uint64(c.WebSockets))
	dst = appendUint(dst, `,"frames":`, uint64(c.Frames))
	return append(dst, `,"dropped":0}`+"\n"...)
}

// appendPending appends an exchange that has not ended. Of its request only the
// head may be looked at, unless body is not nil, which means that it is complete.
func (e *encoder) appendPending(dst []byte, x *traffic.Exchange, body *traffic.Body) ([]byte, error) {
	dst = e.beginExchange(dst, TypePending, x)
	var trailer traffic.Fields
	if body != nil {
		trailer = x.Request.Trailer
	}
	dst, err := e.appendRequest(dst, memberRequest, x.Request, body, trailer)
	return append(dst, "}\n"...), err
}

// appendExchange appends an exchange that has ended. One that ended because
// necto was stopped stays pending: nobody knows how it would have gone on.
func (e *encoder) appendExchange(dst []byte, x *traffic.Exchange) ([]byte, error) {
	lineType := TypeHTTP
	if x.Failure != nil && x.Failure.Kind == traffic.FailShutdown {
		lineType = TypePending
	}
	dst = e.beginExchange(dst, lineType, x)
	dst = appendPeers(dst, x)
	dst, err := e.appendRequest(dst, memberRequest, x.Request, x.RequestBody, x.Request.Trailer)
	if x.Response != nil && err == nil {
		dst, err = e.appendAnswer(dst, x)
	}
	if err == nil {
		dst, err = e.appendEdited(dst, x)
	}
	dst = appendFailure(dst, x.Failure)
	dst = appendTiming(dst, x.Timing)
	dst = append(dst, `,"ms":`...)
	dst = jsonenc.AppendMillis(dst, x.Duration)
	dst = appendGRPC(dst, x.GRPC, x.GRPCEnd)
	dst = appendList(dst, "rules", x.Rules)
	dst = appendList(dst, "tags", x.Tags)
	return append(dst, "}\n"...), err
}

func (e *encoder) beginExchange(dst []byte, lineType string, x *traffic.Exchange) []byte {
	dst = e.begin(dst, lineType)
	dst = appendUint(dst, `,"id":`, e.baseID+uint64(x.ID))
	dst = appendUint(dst, `,"conn":`, e.baseConn+uint64(x.Conn))
	return e.when(dst, x.Started)
}

// appendPeers appends who the exchange is between.
func appendPeers(dst []byte, x *traffic.Exchange) []byte {
	dst = appendMember(dst, "client", x.Client)
	if x.Server != "" {
		dst = appendMember(dst, "server", x.Server)
	}
	return appendTLS(dst, x.TLS)
}

func appendTLS(dst []byte, t *traffic.TLSInfo) []byte {
	if t == nil {
		return dst
	}
	dst = append(dst, `,"tls":{"version":`...)
	dst = jsonenc.AppendText(dst, t.Version)
	for _, m := range [...]struct{ name, value string }{{"alpn", t.ALPN}, {"cipher", t.Cipher}, {"sni", t.SNI}, {"ja4", t.JA4}} {
		if m.value != "" {
			dst = appendMember(dst, m.name, m.value)
		}
	}
	return append(dst, '}')
}

func appendFailure(dst []byte, f *traffic.Failure) []byte {
	if f == nil {
		return dst
	}
	dst = append(dst, `,"error":{"kind":`...)
	dst = jsonenc.AppendText(dst, string(f.Kind))
	dst = appendMember(dst, "side", string(f.Side))
	dst = appendMember(dst, "text", f.Text)
	return append(dst, '}')
}

// timingNames are the members of timings in their order, that of HAR 1.2.
var timingNames = [...]string{"blocked", "dns", "connect", "tls", "send", "wait", "receive"}

// timingValues returns the places of the values that timingNames name.
func timingValues(t *traffic.Timing) [len(timingNames)]*time.Duration {
	return [...]*time.Duration{&t.Blocked, &t.DNS, &t.Connect, &t.TLS, &t.Send, &t.Wait, &t.Receive}
}

// appendTiming appends the steps that happened, nothing if none did.
func appendTiming(dst []byte, t traffic.Timing) []byte {
	before := `,"timings":{"`
	first := before
	for i, d := range timingValues(&t) {
		if *d < 0 {
			continue
		}
		dst = append(dst, before...)
		dst = append(dst, timingNames[i]...)
		dst = append(dst, `":`...)
		dst = jsonenc.AppendMillis(dst, *d)
		before = `,"`
	}
	if before == first {
		return dst
	}
	return append(dst, '}')
}

// appendMember appends a member that is words.
func appendMember(dst []byte, name, value string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return jsonenc.AppendText(dst, value)
}

// appendList appends a member that is a list of words, nothing for an empty one.
func appendList(dst []byte, name string, values []string) []byte {
	for i, value := range values {
		if i == 0 {
			dst = append(dst, `,"`...)
			dst = append(dst, name...)
			dst = append(dst, `":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = jsonenc.AppendText(dst, value)
	}
	if len(values) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// appendUint appends a number behind what introduces it.
func appendUint(dst []byte, before string, n uint64) []byte {
	dst = append(dst, before...)
	return strconv.AppendUint(dst, n, 10)
}
