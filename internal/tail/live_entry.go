package tail

import (
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// liveEntry is NectoProxy's TrafficEntry with what necto adds, or what an update
// says of one. Of what can be null, null is the zero value.
type liveEntry struct {
	ID          string `json:"id"`
	Timestamp   int64  `json:"timestamp"` // ms since 1970
	Method      string `json:"method"`
	URL         string `json:"url"`
	HTTPVersion string `json:"httpVersion"`
	Conn        uint64 `json:"conn"`
	Client      string `json:"remoteAddress"`
	TLSVersion  string `json:"tlsVersion"`

	RequestHeaders   liveHeader              `json:"requestHeaders"`
	RequestBody      *eventclient.Attachment `json:"requestBody"`
	RequestBodySize  int64                   `json:"requestBodySize"`
	Status           int                     `json:"status"`
	StatusText       string                  `json:"statusText"`
	ResponseHeaders  liveHeader              `json:"responseHeaders"`
	ResponseBody     *eventclient.Attachment `json:"responseBody"`
	ResponseBodySize int64                   `json:"responseBodySize"`

	Duration   float64 `json:"duration"` // ms
	Error      string  `json:"error"`
	Failure    struct{ Kind, Side string }
	IsComplete bool     `json:"isComplete"`
	Rules      []string `json:"rules"`
	Tags       []string `json:"tags"`
}

// entry returns what an entry of a batch says.
func (u *liveEntry) entry(e *eventclient.Event) *record.Entry {
	entry := &record.Entry{
		Type: record.TypeHTTP, ID: number(u.ID), Conn: u.Conn, At: time.UnixMilli(u.Timestamp).UTC(),
		Client: u.Client, Timing: unknownTiming,
		Request: record.EntryRequest{
			Method: u.Method, URL: u.URL, Proto: u.HTTPVersion, Header: u.RequestHeaders.fields(),
			Body: liveBody(e.Bytes(u.RequestBody), u.RequestBodySize),
		},
	}
	if u.TLSVersion != "" {
		entry.TLS = &traffic.TLSInfo{Version: strings.TrimPrefix(u.TLSVersion, "TLSv")}
	}
	return entry
}

// unknownTiming says of no step that it happened.
var unknownTiming = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}

// update adds to an entry what an update says.
func (u *liveEntry) update(entry *record.Entry, e *eventclient.Event) {
	if u.RequestBody != nil {
		entry.Request.Body = liveBody(e.Bytes(u.RequestBody), u.RequestBodySize)
	}
	if u.ResponseHeaders != nil {
		entry.Response = &record.EntryResponse{
			Status: u.Status, Reason: u.StatusText, Proto: entry.Request.Proto, Header: u.ResponseHeaders.fields(),
			Body: liveBody(e.Bytes(u.ResponseBody), u.ResponseBodySize),
		}
	}
	entry.Rules, entry.Tags = append(entry.Rules, u.Rules...), append(entry.Tags, u.Tags...)
	if u.Duration > 0 {
		entry.Duration = time.Duration(u.Duration * float64(time.Millisecond))
	}
	if u.Error != "" {
		entry.Failure = &traffic.Failure{
			Kind: traffic.FailureKind(u.Failure.Kind), Side: traffic.Side(u.Failure.Side), Text: u.Error,
		}
	}
}

// liveBody returns content of which an event has the beginning.
func liveBody(content []byte, size int64) *record.EntryBody {
	if len(content) == 0 {
		return nil
	}
	return &record.EntryBody{Size: size, Inline: content, Truncated: int64(len(content)) < size}
}

// liveSocket is NectoProxy's WebSocketConnectionEvent, or WebSocketCloseEvent.
type liveSocket struct {
	TrafficID   string `json:"trafficId"`
	Timestamp   int64  `json:"timestamp"` // ms since 1970
	URL         string `json:"url"`
	Subprotocol string `json:"subprotocol"`

	Code   int       `json:"code"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Cause  string    `json:"cause"`
	Frames [2]uint64 `json:"frames"` // per direction
}

// liveFrame is NectoProxy's WebSocketFrameEvent with what necto adds.
type liveFrame struct {
	TrafficID   string   `json:"trafficId"`
	Timestamp   int64    `json:"timestamp"` // ms since 1970
	Direction   string   `json:"direction"`
	Opcode      uint8    `json:"opcode"`
	Data        []byte   `json:"data"`
	Length      int64    `json:"length"`
	Seq         uint64   `json:"seq"`
	Fin         bool     `json:"fin"`
	Injected    bool     `json:"injected"`
	Dropped     bool     `json:"dropped"`
	Edited      bool     `json:"edited"`
	IsTruncated bool     `json:"isTruncated"`
	Rules       []string `json:"rules"`
}
