package ports

import "strconv"

// EventType names an Event as 9Proxy does.
type EventType string

// The events, and what their payload is.
const (
	RestoreDone          EventType = "restoreDone"          // nothing
	SettingPortChange    EventType = "settingPortChange"    // start:count
	ForwardListCompleted EventType = "forwardListCompleted" // the id of the request
	ProxyError           EventType = "proxyError"           // the id of the request, a colon, code@detail
	PortStateUpdate      EventType = "portStateUpdate"      // the port
	PortRemoved          EventType = "portRemoved"          // the port
	Log                  EventType = "log"                  // a text
	HTTPError            EventType = "httpError"            // a text
)

// Event is something that is told on 9Proxy's channel.
type Event struct {
	Type EventType
	// Payload depends on the type; "" is none.
	Payload string
}

// portEvent returns an event about a port.
func portEvent(t EventType, port int) Event { return Event{t, strconv.Itoa(port)} }
