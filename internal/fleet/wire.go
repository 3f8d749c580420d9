package fleet

import (
	"io"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// shownBody is how much of content goes to other nodes, in bytes.
const shownBody = 256 << 10

// wireExchange has what is known of an exchange. Numbers are those of its node.
type wireExchange struct {
	ID            uint64                `json:"id"`
	Conn          uint64                `json:"conn"`
	Started       time.Time             `json:"started"`
	Client        string                `json:"client"`
	Server        string                `json:"server,omitempty"`
	TLS           *traffic.TLSInfo      `json:"tls,omitempty"`
	ClientTags    []string              `json:"clientTags,omitempty"`
	Request       *wireRequest          `json:"request"`
	RequestBody   *wireBody             `json:"requestBody,omitempty"`
	RequestDone   time.Duration         `json:"requestDone"`
	Response      *wireResponse         `json:"response,omitempty"`
	ResponseBody  *wireBody             `json:"responseBody,omitempty"`
	ResponseAt    time.Duration         `json:"responseAt"`
	Sent          *wireRequest          `json:"sent,omitempty"`
	SentBody      *wireBody             `json:"sentBody,omitempty"`
	Received      *wireResponse         `json:"received,omitempty"`
	ReceivedBody  *wireBody             `json:"receivedBody,omitempty"`
	WS            *traffic.WebSocket    `json:"ws,omitempty"`
	Informational []*wireResponse       `json:"informational,omitempty"`
	GRPC          []traffic.GRPCMessage `json:"grpc,omitempty"`
	GRPCEnd       int                   `json:"grpcEnd,omitempty"`
	Duration      time.Duration         `json:"duration"`
	Timing        traffic.Timing        `json:"timing"`
	Failure       *wireFailure          `json:"failure,omitempty"`
	Rules         []string              `json:"rules,omitempty"`
	Tags          []string              `json:"tags,omitempty"`
}

type wireRequest struct {
	Method  wireText   `json:"method"`
	Target  wireText   `json:"target"`
	URL     wireURL    `json:"url"`
	Proto   string     `json:"proto"`
	Header  wireFields `json:"header"`
	Length  int64      `json:"length,omitempty"`
	Trailer wireFields `json:"trailer,omitempty"`
}

type wireResponse struct {
	Status  int            `json:"status"`
	Reason  wireText       `json:"reason"`
	Proto   string         `json:"proto"`
	Header  wireFields     `json:"header"`
	Length  int64          `json:"length,omitempty"`
	Trailer wireFields     `json:"trailer,omitempty"`
	Source  traffic.Source `json:"source,omitempty"`
}

// wireBody is the beginning of content.
type wireBody struct {
	Size    int64  `json:"size"`
	Content []byte `json:"content,omitempty"`
	// Codings, DecodedSize and Stored are those of a body from a recording.
	Codings     string `json:"codings,omitempty"`
	DecodedSize int64  `json:"decodedSize,omitempty"`
	Stored      bool   `json:"stored,omitempty"`
}

type wireFailure struct {
	Kind traffic.FailureKind `json:"kind"`
	Side traffic.Side        `json:"side"`
	Text string              `json:"text"`
}

// wireFrame is a frame; its exchange is that of the message.
type wireFrame struct {
	Seq       uint64            `json:"seq"`
	First     time.Time         `json:"first"`
	Last      time.Time         `json:"last"`
	Dir       traffic.Direction `json:"dir"`
	Opcode    traffic.Opcode    `json:"opcode"`
	Fin       bool              `json:"fin"`
	RSV       uint8             `json:"rsv,omitempty"`
	Masked    bool              `json:"masked,omitempty"`
	Length    int64             `json:"length"`
	Payload   []byte            `json:"payload,omitempty"`
	Size      int64             `json:"size"`
	Truncated bool              `json:"truncated,omitempty"`
	Inflated  bool              `json:"inflated,omitempty"`
	SHA256    []byte            `json:"sha256,omitempty"`
	Anomalies []string          `json:"anomalies,omitempty"`
	Injected  bool              `json:"injected,omitempty"`
	Dropped   bool              `json:"dropped,omitempty"`
	Edited    bool              `json:"edited,omitempty"`
	Rules     []string          `json:"rules,omitempty"`
	Original  []byte            `json:"original,omitempty"`
}

// wireHit is a hit with what its exchange is known by so far.
type wireHit struct {
	ID           uint64        `json:"id"`
	Breakpoint   string        `json:"breakpoint"`
	Phase        traffic.Phase `json:"phase"`
	Time         time.Time     `json:"time"`
	Deadline     time.Time     `json:"deadline,omitzero"`
	Request      *wireRequest  `json:"request"`
	RequestBody  *wireBody     `json:"requestBody,omitempty"`
	Response     *wireResponse `json:"response,omitempty"`
	ResponseBody *wireBody     `json:"responseBody,omitempty"`
	Fixed        string        `json:"fixed,omitempty"`
	Frame        *wireFrame    `json:"frame,omitempty"`
}

type wireClientError struct {
	Conn    uint64       `json:"conn"`
	Client  string       `json:"client"`
	Time    time.Time    `json:"time"`
	Failure *wireFailure `json:"failure"`
	Status  int          `json:"status,omitempty"`
}

// begunOf has what RequestStarted announces.
func begunOf(x *traffic.Exchange) *wireExchange {
	return &wireExchange{
		ID: uint64(x.ID), Conn: uint64(x.Conn), Started: x.Started, Client: x.Client, TLS: x.TLS, ClientTags: x.ClientTags,
		Request: requestOf(x.Request),
	}
}

// endedOf has what the last event announces, all of it.
func endedOf(x *traffic.Exchange) *wireExchange {
	w := begunOf(x)
	w.RequestBody, w.RequestDone = bodyOf(x.RequestBody), x.RequestDone
	w.Request = wholeRequestOf(x.Request)
	w.Server, w.Response, w.ResponseBody, w.ResponseAt = x.Server, wholeResponseOf(x.Response), bodyOf(x.ResponseBody), x.ResponseStarted
	w.Sent, w.SentBody = wholeRequestOf(x.Sent), bodyOf(x.SentBody)
	w.Received, w.ReceivedBody = wholeResponseOf(x.Received), bodyOf(x.ReceivedBody)
	w.WS, w.GRPC, w.GRPCEnd, w.Duration, w.Timing = x.WS, x.GRPC, x.GRPCEnd, x.Duration, x.Timing
	w.Failure, w.Rules, w.Tags = failureOf(x.Failure), x.Rules, x.Tags
	for _, r := range x.Informational {
		w.Informational = append(w.Informational, responseOf(r))
	}
	return w
}

// begin fills in what RequestStarted announces. id is the number here.
func (w *wireExchange) begin(id traffic.ExchangeID) *traffic.Exchange {
	return &traffic.Exchange{
		ID: id, Conn: traffic.ConnID(w.Conn), Started: w.Started, Client: w.Client, TLS: w.TLS, ClientTags: w.ClientTags,
		Request: w.Request.request(),
	}
}

// end fills in what the last event announces, but for what earlier ones did.
func (w *wireExchange) end(x *traffic.Exchange) {
	x.Sent, x.SentBody = w.Sent.request(), w.SentBody.body()
	x.Received, x.ReceivedBody = w.Received.response(), w.ReceivedBody.body()
	x.ResponseBody, x.WS, x.GRPC, x.GRPCEnd = w.ResponseBody.body(), w.WS, w.GRPC, w.GRPCEnd
	x.Duration, x.Timing, x.Failure, x.Rules, x.Tags = w.Duration, w.Timing, w.Failure.failure(), w.Rules, w.Tags
	for _, r := range w.Informational {
		x.Informational = append(x.Informational, r.response())
	}
}

// requestOf has a request but for its trailer, which may be written at this moment.
func requestOf(r *traffic.Request) *wireRequest {
	if r == nil {
		return nil
	}
	return &wireRequest{
		Method: wireText(r.Method), Target: wireText(r.Target), URL: urlOf(r.URL), Proto: r.Proto,
		Header: wireFields(r.Header), Length: r.Length,
	}
}

// wholeRequestOf has a request that was read to its end.
func wholeRequestOf(r *traffic.Request) *wireRequest {
	w := requestOf(r)
	if w != nil {
		w.Trailer = wireFields(r.Trailer)
	}
	return w
}

func (w *wireRequest) request() *traffic.Request {
	if w == nil {
		return nil
	}
	return &traffic.Request{
		Method: string(w.Method), Target: string(w.Target), URL: w.URL.url(), Proto: w.Proto,
		Header: traffic.Fields(w.Header), Length: w.Length, Trailer: traffic.Fields(w.Trailer),
	}
}

// responseOf has a response but for its trailer, which may be written at this moment.
func responseOf(r *traffic.Response) *wireResponse {
	if r == nil {
		return nil
	}
	return &wireResponse{
		Status: r.Status, Reason: wireText(r.Reason), Proto: r.Proto, Header: wireFields(r.Header), Length: r.Length, Source: r.Source,
	}
}

// wholeResponseOf has a response that was read to its end.
func wholeResponseOf(r *traffic.Response) *wireResponse {
	w := responseOf(r)
	if w != nil {
		w.Trailer = wireFields(r.Trailer)
	}
	return w
}

func (w *wireResponse) response() *traffic.Response {
	if w == nil {
		return nil
	}
	return &traffic.Response{
		Status: w.Status, Reason: string(w.Reason), Proto: w.Proto, Header: traffic.Fields(w.Header), Length: w.Length,
		Trailer: traffic.Fields(w.Trailer), Source: w.Source,
	}
}

func bodyOf(b *traffic.Body) *wireBody {
	if b == nil {
		return nil
	}
	w := &wireBody{Size: b.Size()}
	w.Codings, w.DecodedSize, w.Stored = b.Decoded()
	content, err := io.ReadAll(io.LimitReader(b.Open(), shownBody))
	if err != nil {
		content = nil // it was captured, but cannot be read any more
	}
	w.Content = content
	return w
}

func (w *wireBody) body() *traffic.Body {
	if w == nil {
		return nil
	}
	if w.Stored {
		whole := w.Size
		if w.Codings != "" {
			whole = w.DecodedSize
		}
		return traffic.StoredBody(traffic.Stored{
			Size: w.Size, Truncated: int64(len(w.Content)) < whole, Codings: w.Codings, DecodedSize: w.DecodedSize, Content: w.Content,
		})
	}
	b := traffic.NewBody(-1)
	b.Append(w.Content)
	b.Skip(max(0, w.Size-int64(len(w.Content))))
	return b
}

func failureOf(f *traffic.Failure) *wireFailure {
	if f == nil {
		return nil
	}
	return &wireFailure{Kind: f.Kind, Side: f.Side, Text: f.Text}
}

func (w *wireFailure) failure() *traffic.Failure {
	if w == nil {
		return nil
	}
	return &traffic.Failure{Kind: w.Kind, Side: w.Side, Text: w.Text}
}

// frameOf has a frame, of which it keeps what must not change any more.
func frameOf(f *traffic.Frame) *wireFrame {
	if f == nil {
		return nil
	}
	return &wireFrame{
		Seq: f.Seq, First: f.First, Last: f.Last, Dir: f.Dir, Opcode: f.Opcode, Fin: f.Fin, RSV: f.RSV, Masked: f.Masked,
		Length: f.Length, Payload: f.Payload[:min(len(f.Payload), shownBody)], Size: f.Size,
		Truncated: f.Truncated || len(f.Payload) > shownBody, Inflated: f.Inflated, SHA256: f.SHA256, Anomalies: f.Anomalies,
		Injected: f.Injected, Dropped: f.Dropped, Edited: f.Edited, Rules: f.Rules,
		Original: f.Original[:min(len(f.Original), shownBody)],
	}
}

func (w *wireFrame) frame(x *traffic.Exchange) *traffic.Frame {
	if w == nil {
		return nil
	}
	return &traffic.Frame{
		Exchange: x, Seq: w.Seq, First: w.First, Last: w.Last, Dir: w.Dir, Opcode: w.Opcode, Fin: w.Fin, RSV: w.RSV, Masked: w.Masked,
		Length: w.Length, Payload: w.Payload, Size: w.Size, Truncated: w.Truncated, Inflated: w.Inflated, SHA256: w.SHA256,
		Anomalies: w.Anomalies, Injected: w.Injected, Dropped: w.Dropped, Edited: w.Edited, Rules: w.Rules, Original: w.Original,
	}
}

func hitOf(h *traffic.Hit) *wireHit {
	return &wireHit{
		ID: uint64(h.ID), Breakpoint: h.Breakpoint, Phase: h.Phase, Time: h.Time, Deadline: h.Deadline,
		Request: requestOf(h.Request), RequestBody: bodyOf(h.RequestBody),
		Response: responseOf(h.Response), ResponseBody: bodyOf(h.ResponseBody), Fixed: h.Fixed, Frame: frameOf(h.Frame),
	}
}

func (w *wireHit) hit(id traffic.HitID, x *traffic.Exchange) *traffic.Hit {
	return &traffic.Hit{
		ID: id, Exchange: x, Breakpoint: w.Breakpoint, Phase: w.Phase, Time: w.Time, Deadline: w.Deadline,
		Request: w.Request.request(), RequestBody: w.RequestBody.body(),
		Response: w.Response.response(), ResponseBody: w.ResponseBody.body(), Fixed: w.Fixed, Frame: w.Frame.frame(x),
	}
}
