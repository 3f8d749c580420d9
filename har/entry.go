package har

import (
	"encoding/json"
	"iter"
	"time"
)

// Entry is an exchange: an element of log.entries. Members that begin with an
// underscore are not of HAR 1.2.
type Entry struct {
	// PageRef is `pageref`, "" for none.
	PageRef string
	// Started is `startedDateTime`, written in UTC to the microsecond.
	Started time.Time
	// Time is how long it took, in milliseconds: see Timings.Total.
	Time     float64
	Request  Request
	Response Response
	// Cache is the object `cache`, nil for an empty one.
	Cache   json.RawMessage
	Timings Timings
	// ServerIPAddress is an address without brackets and port, "" for none.
	ServerIPAddress string
	// Connection is `connection`, "" for none; browsers put the port here that
	// the client has.
	Connection string
	Comment    string

	// ResourceType is `_resourceType`: document, xhr, websocket...; "" for none.
	ResourceType string
	// ConnectionID is `_connectionId`, "" for none.
	ConnectionID string
	// ServerPort is `_serverPort`, 0 for none.
	ServerPort int
	// SecurityDetails is `_securityDetails`, nil for none.
	SecurityDetails *SecurityDetails
	// WebSocketMessages is `_webSocketMessages`, nil for none. It can be ranged
	// over more than once. A Message is valid until the next; after an error
	// there is none.
	WebSocketMessages iter.Seq2[*Message, error]
	// WebSocketClose is `_webSocketClose`, nil for none.
	WebSocketClose *Close
	// EventSourceMessages is `_eventSourceMessages`, nil for none.
	EventSourceMessages []Event
	// Necto is `_necto`, what necto knows and HAR cannot say; nil for none.
	Necto json.RawMessage
	Extra []Member
}

// Member is a member of an object that this package does not know.
type Member struct {
	Name string
	// Value is valid JSON.
	Value json.RawMessage
}

// Timings says what an entry spent its time on, in milliseconds. -1 means that
// the step did not happen, as Connect on a reused connection; 0 that it took no
// time.
type Timings struct {
	// SSL is a part of Connect.
	Blocked, DNS, Connect, SSL float64
	// Send, Wait and Receive are at least 0 where this package writes them.
	Send, Wait, Receive float64
	// BlockedBreakpoint is `_blocked_breakpoint`, the part of Blocked in which a
	// breakpoint held the exchange; 0 for none.
	BlockedBreakpoint float64
	Comment           string
	Extra             []Member
}

// SecurityDetails describes the TLS connection to the server, in the words of
// Playwright.
type SecurityDetails struct {
	// Protocol is "TLS 1.3".
	Protocol, SubjectName, Issuer string
	// ValidFrom and ValidTo are written as seconds since 1970, left out if zero.
	ValidFrom, ValidTo time.Time
	Extra              []Member
}
