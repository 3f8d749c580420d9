package mockttp

// Kind is one of Mockttp's events.
type Kind uint8

// Mockttp's events.
const (
	RequestInitiated Kind = iota
	RequestBodyData
	Request
	ResponseInitiated
	ResponseInformation
	ResponseBodyData
	Response
	Abort
	WebSocketRequest
	WebSocketAccepted
	WebSocketMessageReceived
	WebSocketMessageSent
	WebSocketClose
	TLSClientError
	TLSPassthroughOpened
	TLSPassthroughClosed
	ClientError
	RawPassthroughOpened
	RawPassthroughClosed
	RawPassthroughData
	RuleEvent
	kindCount
)

var names = [kindCount]string{
	RequestInitiated:         "request-initiated",
	RequestBodyData:          "request-body-data",
	Request:                  "request",
	ResponseInitiated:        "response-initiated",
	ResponseInformation:      "response-information",
	ResponseBodyData:         "response-body-data",
	Response:                 "response",
	Abort:                    "abort",
	WebSocketRequest:         "websocket-request",
	WebSocketAccepted:        "websocket-accepted",
	WebSocketMessageReceived: "websocket-message-received",
	WebSocketMessageSent:     "websocket-message-sent",
	WebSocketClose:           "websocket-close",
	TLSClientError:           "tls-client-error",
	TLSPassthroughOpened:     "tls-passthrough-opened",
	TLSPassthroughClosed:     "tls-passthrough-closed",
	ClientError:              "client-error",
	RawPassthroughOpened:     "raw-passthrough-opened",
	RawPassthroughClosed:     "raw-passthrough-closed",
	RawPassthroughData:       "raw-passthrough-data",
	RuleEvent:                "rule-event",
}

// Kinds returns all events.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for k := range all {
		all[k] = Kind(k) //nolint:gosec // there are few
	}
	return all
}

// String returns the name that clients listen to, such as "request-initiated".
func (k Kind) String() string { return names[k] }

// ParseKind returns the event of that name, and false if there is none.
func ParseKind(name string) (Kind, bool) {
	for k, n := range names {
		if n == name {
			return Kind(k), true
		}
	}
	return 0, false
}

// Set is a set of events. The zero value is empty.
type Set uint32

// All has all events.
const All Set = 1<<kindCount - 1

// SetOf returns the set of these events.
func SetOf(events ...Kind) Set {
	var s Set
	for _, k := range events {
		s |= 1 << k
	}
	return s
}

// Has reports whether an event is in the set.
func (s Set) Has(k Kind) bool { return s&(1<<k) != 0 }
